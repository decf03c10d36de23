import { MusterError, ResultRow } from '@muster/protocol';
import type { CallOptions } from '../give-up.js';
import type { OriginalAsker } from './original-asker.js';
import type { DataOptions } from './original-client.js';

const PAGE = 1_000;
const ROWS = ResultRow.array();

/**
 * The rows of a run, a page at a time. The original counts `start` and `size` before it looks at the kind, and one of
 * its stores gives short pages when a kind is asked for; so pages are asked for without a kind, and it is chosen here.
 */
export async function* readRows(
  asker: OriginalAsker,
  run: string,
  options: DataOptions,
  call: CallOptions,
): AsyncGenerator<ResultRow, void, undefined> {
  const { type, groupBy = false, start = 0, limit = Number.POSITIVE_INFINITY, pageSize = PAGE } = options;
  const page = (fields: object) =>
    asker.ask({ command: 'CTRL_GET_DATA', run_id: run, ...fields }, (result) => ROWS.parse(result), call);
  if (!Number.isSafeInteger(pageSize) || pageSize < 1)
    throw new MusterError('BAD_CONFIG', `pageSize is a whole number from 1, not ${pageSize}`);
  let left = limit;
  if (groupBy) {
    for (const row of await page({ groupby: true, ...(type === undefined ? {} : { data_type: type }) })) {
      if (left <= 0) return;
      left -= 1;
      yield row;
    }
    return;
  }
  for (let at = start; left > 0; at += pageSize) {
    const rows = await page({ start: at, size: pageSize });
    for (const row of rows) {
      if (type !== undefined && row.data_type !== type) continue;
      if (left <= 0) return;
      left -= 1;
      yield row;
    }
    if (rows.length < pageSize) return;
  }
}
