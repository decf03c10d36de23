import type { ErrorGroup, ResultBatch } from '@muster/protocol';
import { excInfo, type NativeLook, type NativeRow } from './native-look.js';
import type { NativeTally } from './native-tally.js';
import { shareRows } from './share-rows.js';

/** Rows of one batch; what is beyond is only counted. */
export const BATCH_ROWS = 1_000;

/** What there is to say of an agent. */
export interface NativeNews {
  readonly tally: NativeTally;
  /** Its first and its last batch are in it. */
  readonly began: boolean;
  readonly ended: boolean;
  /** Requests that there are rows of, at most as many as were counted. */
  readonly hits: readonly NativeRow[];
  readonly errors: readonly ErrorGroup[];
  /** Iterations that earlier batches told of, by scenario. */
  readonly before: ReadonlyMap<string, { readonly started: number; readonly stopped: number }>;
}

/** Rows of one kind that could be given, and what they stand for. */
interface Offer {
  readonly kind: string;
  readonly rows: number;
  /** What one row counts. */
  readonly weight: number;
  /** What there is in all, in the same unit. */
  readonly count: number;
  row(n: number): NativeRow;
}

/** A batch of the original, and how much of each kind it only counts. */
export type NativeBatch = Pick<ResultBatch, 'counts'> & { readonly muster_skipped?: Readonly<Record<string, number>> };

/** Puts rows of the original together, of each kind its share; null when there is nothing to say. */
export const nativeBatch = (news: NativeNews, look: NativeLook): NativeBatch | null => {
  const offers = offersOf(news, look).filter(({ count }) => count !== 0);
  if (offers.length === 0) return null;
  const given = shareRows(
    offers.map(({ rows }) => rows),
    BATCH_ROWS,
  );
  const counts: Record<string, Record<string, unknown>[]> = {};
  const skipped: Record<string, number> = {};
  for (const [at, { kind, weight, count, row }] of offers.entries()) {
    const rows = given[at] ?? 0;
    const list = counts[kind] ?? [];
    for (let n = 0; n < rows; n += 1) list.push({ ...row(n) });
    if (list.length > 0) counts[kind] = list;
    const rest = count - rows * weight;
    if (rest !== 0) skipped[kind] = (skipped[kind] ?? 0) + rest;
  }
  return { counts, ...(Object.keys(skipped).length === 0 ? {} : { muster_skipped: skipped }) };
};

const offersOf = ({ tally, began, ended, hits, errors, before }: NativeNews, look: NativeLook): readonly Offer[] => [
  single('startTestRun', began),
  ...[...tally.scenarios].flatMap(([scenario, { started, stopped, failed }]) => {
    const told = before.get(scenario) ?? { started: 0, stopped: 0 };
    const row = (from: number) => (n: number) => ({
      test: look.test(scenario),
      loads_status: look.nth(scenario, from + n),
    });
    const failure = row(told.stopped);
    const thrown = errors.filter((error) => error.scenario === scenario);
    return [
      many('startTest', started, row(told.started)),
      many('stopTest', stopped, row(told.stopped)),
      many('addSuccess', stopped - failed, row(told.stopped + failed)),
      many('addError', failed, (n) => ({ ...failure(n), exc_info: excInfo(nthError(thrown, n)) })),
    ];
  }),
  { kind: 'add_hit', rows: hits.length, weight: 1, count: tally.hits, row: (n) => hits[n] ?? {} },
  ...[...tally.counters].flatMap(([kind, sums]) =>
    [...sums].map(([scenario, sum]) => ({
      kind,
      rows: 1,
      weight: sum,
      count: sum,
      row: () => ({
        test: look.test(scenario),
        loads_status: look.status(scenario, 0, 0),
        agent_id: 'None',
        ...(sum === 1 ? {} : { size: sum }),
      }),
    })),
  ),
  single('stopTestRun', ended),
];

const single = (kind: string, is: boolean): Offer => many(kind, is ? 1 : 0, () => ({}));
const many = (kind: string, count: number, row: (n: number) => NativeRow): Offer => ({
  kind,
  rows: Math.max(0, count),
  weight: 1,
  count,
  row,
});

/** The group that the nth failure belongs to. */
const nthError = (groups: readonly ErrorGroup[], n: number): Pick<ErrorGroup, 'code' | 'message' | 'where'> => {
  let from = 0;
  for (const group of groups) {
    from += group.count;
    if (n < from) return group;
  }
  return { code: 'Error', message: 'the iteration failed', where: null };
};
