import { MusterError, ResultRow } from '@muster/protocol';
import type { CallOptions } from '../give-up.js';
import type { OriginalAsker } from './original-asker.js';
import type { DataOptions } from './original-client.js';

const PAGE = 1_000;
const ROWS = ResultRow.array();

/** How rows are read. */
export interface RowsSource extends CallOptions {
  /** A broker of Muster: it counts `start` and `size` among the rows of the kind, and has a command for errors. */
  readonly native: boolean;
}

/**
 * The rows of a run, a page at a time. The original counts `start` and `size` before it looks at the kind, and one of
 * its stores gives short pages when a kind is asked for; so of it pages are asked for without a kind, chosen here.
 */
export async function* readRows(
  asker: OriginalAsker,
  run: string,
  options: DataOptions,
  { native, ...call }: RowsSource,
): AsyncGenerator<ResultRow, void, undefined> {
  const { type, groupBy = false } = options;
  const kind = type === undefined ? {} : { data_type: type };
  const page = (fields: object) =>
    asker.ask({ command: 'CTRL_GET_DATA', run_id: run, ...fields }, (result) => ROWS.parse(result), call);
  if (groupBy) {
    yield* (await page({ groupby: true, ...kind })).slice(0, options.limit);
    return;
  }
  if (native || type === undefined) {
    yield* inPages((start, size) => page({ start, size, ...kind }), options);
    return;
  }
  const { limit = Number.POSITIVE_INFINITY, ...rest } = options;
  yield* chosen(
    inPages((start, size) => page({ start, size }), rest),
    (row) => row.data_type === type,
    limit,
  );
}

/** Failures and errors; of a broker of the original they are picked out of all rows. */
export async function* readErrors(
  asker: OriginalAsker,
  run: string,
  options: Omit<DataOptions, 'type' | 'groupBy'>,
  { native, ...call }: RowsSource,
): AsyncGenerator<ResultRow, void, undefined> {
  if (native) {
    const page = (start: number, size: number) =>
      asker.ask({ command: 'CTRL_GET_ERRORS', run_id: run, start, size }, (result) => ROWS.parse(result), call);
    yield* inPages(page, options);
    return;
  }
  const { start = 0, limit = Number.POSITIVE_INFINITY, ...rest } = options;
  let skipped = 0;
  yield* chosen(
    readRows(asker, run, rest, { native, ...call }),
    (row) => ERRORS.has(row.data_type) && ++skipped > start,
    limit,
  );
}

const ERRORS: ReadonlySet<string> = new Set(['addError', 'addFailure']);

async function* inPages(
  page: (start: number, size: number) => Promise<readonly ResultRow[]>,
  { start = 0, limit = Number.POSITIVE_INFINITY, pageSize = PAGE }: DataOptions,
): AsyncGenerator<ResultRow, void, undefined> {
  if (!Number.isSafeInteger(pageSize) || pageSize < 1)
    throw new MusterError('BAD_CONFIG', `pageSize is a whole number from 1, not ${pageSize}`);
  for (let given = 0; given < limit; given += pageSize) {
    const rows = await page(start + given, pageSize);
    yield* rows.slice(0, limit - given);
    if (rows.length < pageSize) return;
  }
}

async function* chosen(
  rows: AsyncIterable<ResultRow>,
  wanted: (row: ResultRow) => boolean,
  limit: number,
): AsyncGenerator<ResultRow, void, undefined> {
  let left = limit;
  if (left <= 0) return;
  for await (const row of rows) {
    if (!wanted(row)) continue;
    yield row;
    left -= 1;
    if (left <= 0) return;
  }
}
