import type { BundleHash, RunId, RunInfo } from '@muster/protocol';

/** A run that is under way, for those who only pass it on. */
export const runInfoOf = (id: string, over: Partial<RunInfo> = {}): RunInfo => ({
  id: id as RunId,
  name: 'shop.ts',
  state: 'running',
  verdict: null,
  exitCode: null,
  reason: null,
  submittedAt: '2026-11-23T18:32:35.436Z',
  startedAt: null,
  endedAt: null,
  bundle: `sha256:${'0'.repeat(64)}` as BundleHash,
  agents: [],
  ...over,
});
