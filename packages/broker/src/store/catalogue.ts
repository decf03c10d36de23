import type { RunRecord, StoredSummary } from './store.js';

/** What is kept of all runs together. Calls may overlap. */
export interface Catalogue {
  putRun(record: RunRecord): Promise<void>;
  runs(limit: number): Promise<readonly RunRecord[]>;
  run(id: string): Promise<RunRecord | null>;
  putSummary(run: string, summary: StoredSummary): Promise<void>;
  summary(run: string): Promise<StoredSummary | null>;
  close(): Promise<void>;
}
