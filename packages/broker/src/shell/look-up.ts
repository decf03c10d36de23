import {
  BOUNDS,
  type ClientMessage,
  encodeNative,
  MusterError,
  type RunInfo,
  type ShowResult,
  type Snapshot,
  Summary,
} from '@muster/protocol';
import type { RunRecord } from '../controller/run-record.js';
import type { QueryPage, Store } from '../store/store.js';
import { OBSERVER_EVENT, observerLines } from './observer-lines.js';

/** A page is cut to this, so that a client that takes answers of the usual bound gets it. */
const PAGE_BYTES = BOUNDS.answerBytes / 4;

export interface LookUpPort {
  readonly store: Store;
  readonly queryRows: number;
}

/** Answers what lies in the store. `live` are the runs that are not finished: for those the controller knows better. */
export const lookUp = async (
  message: ClientMessage,
  live: readonly RunInfo[],
  { store, queryRows }: LookUpPort,
  signal?: AbortSignal,
): Promise<unknown> => {
  switch (message.type) {
    case 'runs': {
      const stored = (await store.runs(message.limit)).map(({ info }) => info);
      const known = new Set(live.map(({ id }) => id));
      return [...live, ...stored.filter(({ id }) => !known.has(id))]
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, message.limit);
    }
    case 'show': {
      const { info } = await find(message.run, live, store);
      const summary = await store.summary(message.run);
      return {
        run: info,
        summary: info.state === 'finished' ? await withObservers(store, message.run, summary?.summary ?? null) : null,
        handleSummary: summary?.handleSummary ?? null,
      } satisfies ShowResult;
    }
    case 'attach': {
      const { info, detail } = await find(message.run, live, store);
      const number = (detail as RunRecord | null)?.number ?? 0;
      return { run: info, number, progress: null, notes: [] } satisfies Snapshot;
    }
    case 'query': {
      await find(message.run, live, store);
      const size = Math.min(message.size, queryRows);
      return cut(await store.query(message.run, message.table, message.start, size, signal));
    }
    default:
      throw new MusterError('UNKNOWN_COMMAND', `"${message.type}" is not a question for the store`);
  }
};

const find = async (
  run: string,
  live: readonly RunInfo[],
  store: Store,
): Promise<{ readonly info: RunInfo; readonly detail: unknown }> => {
  const going = live.find(({ id }) => id === run);
  if (going !== undefined) return { info: going, detail: null };
  const stored = await store.run(run);
  if (stored !== null) return stored;
  throw new MusterError('RUN_UNKNOWN', `there is no run ${run}`, { hint: '`muster runs` lists them' });
};

/** How observers fared is known after the summary is made, so it stands in the history alone until somebody asks. */
const withObservers = async (store: Store, run: string, summary: unknown): Promise<unknown> => {
  const read = Summary.safeParse(summary);
  if (!read.success) return summary;
  const { startedAt, events } = read.data.run;
  const told = (await observerLines(store, run)).map(({ at, text }) => ({
    at,
    atMs: startedAt === null ? 0 : Math.max(0, Date.parse(at) - Date.parse(startedAt)),
    kind: OBSERVER_EVENT,
    text,
  }));
  return told.length === 0 ? summary : { ...read.data, run: { ...read.data.run, events: [...events, ...told] } };
};

/** A page that is too large for one answer is given in part: `rows` says how many there are, so the next page begins there. */
const cut = (page: QueryPage): QueryPage => {
  const bytes = encodeNative(page).byteLength;
  if (bytes <= PAGE_BYTES || page.rows <= 1) return page;
  const rows = Math.max(1, Math.floor((page.rows * PAGE_BYTES) / bytes / 2));
  return {
    ...page,
    rows,
    columns: page.columns.map(({ name, values }) => ({ name, values: values.slice(0, rows) })),
  };
};
