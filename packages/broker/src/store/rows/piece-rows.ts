import { type PlainRow, readPlainMessages, wholeRow } from '@muster/protocol';
import type { RowsBook } from './rows-book.js';

/** Runs something on a book, alone. */
export type OnBook = <T>(work: (book: RowsBook) => Promise<T>) => Promise<T>;

/** Rows that go on in one step. */
const STEP = 1_000;

export const isError = (kind: string): boolean => kind === 'addError' || kind === 'addFailure';

/** The rows of a piece that are wanted, as they are given to whoever asks. It was checked when it came. */
export const rowsIn = (bytes: Uint8Array, wanted: (kind: string) => boolean): PlainRow[] => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const rows: PlainRow[] = [];
  for (const message of readPlainMessages(text))
    for (const [kind, all] of message.kinds)
      if (wanted(kind)) for (const row of all) rows.push(wholeRow(message, kind, row));
  return rows;
};

/** A page of the rows of a run, oldest first. Pieces without anything that is wanted are not even read. */
export async function* rowsOfRun(
  on: OnBook,
  wanted: (kind: string) => boolean,
  start: number,
  size: number | null,
): AsyncGenerator<readonly PlainRow[]> {
  let skip = start;
  let left = size ?? Number.POSITIVE_INFINITY;
  for (let after = 0; left > 0; ) {
    const infos = await on((book) => book.index(after));
    if (infos.length === 0) return;
    for (const { number, kinds } of infos) {
      after = number;
      let there = 0;
      for (const [kind, rows] of kinds) if (wanted(kind)) there += rows;
      if (skip >= there) {
        skip -= there;
        continue;
      }
      const bytes = await on((book) => book.piece(number));
      if (bytes === null) continue;
      const rows = rowsIn(bytes, wanted).slice(skip, skip + left);
      skip = 0;
      left -= rows.length;
      for (let at = 0; at < rows.length; at += STEP) yield rows.slice(at, at + STEP);
      if (left <= 0) return;
    }
  }
}
