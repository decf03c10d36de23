import { SAMPLE_COLUMNS, type SamplesPayload } from '@muster/protocol';
import type { Exchange } from '../http/exchange.js';
import type { RecordedRequest } from '../http/http-user.js';
import { ROW_WIDTH, RowTape } from './row-tape.js';
import { TextTable } from './text-table.js';

/** Where in the test a request was made. */
export interface RowPlace {
  readonly scenario: string;
  readonly group: string;
}

/** In which iteration a request was made. */
export interface RowOrigin {
  /** Intended start of the iteration in microseconds of the run; -1 without a schedule. */
  readonly intendedUs: number;
  /** `performance.now()` at the start of the iteration. */
  readonly iterationStartedMs: number;
  /** Number of the virtual user. */
  readonly id: number;
  readonly iteration: number;
}

/**
 * Rows of a second that are kept at most, failed ones and others each: with 101 bytes a row a batch stays under half of
 * what the receiver takes (8 MiB). What is over is counted as measured and not kept.
 */
export const MAX_ROWS = 40_000;

/**
 * The rows of one second. Up to `limit` all are kept; when that is full every second one goes, and from then on only
 * every second is taken, and so on: what is left is spread evenly over the second. Failed rows are all kept besides.
 */
export class RowBuffer {
  readonly #limit: number;
  readonly #texts = new TextTable();
  readonly #kept: RowTape;
  readonly #failed: RowTape;
  #stride = 1;
  /** Successful rows until the next that is taken. */
  #skip = 0;
  #measured = 0;

  /** @param limit rows kept of a second beside the failed ones; 0: none, not even those */
  constructor(limit: number) {
    this.#limit = Math.min(limit, MAX_ROWS);
    this.#kept = new RowTape(Math.min(this.#limit, 5_000), this.#limit);
    this.#failed = new RowTape(0, this.#limit === 0 ? 0 : MAX_ROWS);
  }

  get measured(): number {
    return this.#measured;
  }
  get kept(): number {
    return this.#kept.rows + this.#failed.rows;
  }

  add(
    place: RowPlace,
    exchange: Exchange,
    request: RecordedRequest,
    expected: boolean,
    origin: RowOrigin,
    errorCode: number,
  ): void {
    this.#measured += 1;
    if (!expected) {
      if (!this.#failed.isFull) this.#write(this.#failed, place, exchange, request, expected, origin, errorCode);
      return;
    }
    if (this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    if (this.#limit === 0) return;
    if (this.#kept.isFull) {
      const wasOdd = this.#kept.rows % 2 === 1;
      this.#kept.halve();
      this.#stride *= 2;
      if (wasOdd) {
        // This row is one of those that go; the next that stays is half of the new stride away.
        this.#skip = this.#stride / 2 - 1;
        return;
      }
    }
    this.#skip = this.#stride - 1;
    this.#write(this.#kept, place, exchange, request, expected, origin, errorCode);
  }

  /** In the order of `SAMPLE_COLUMNS`; instants are still on the clock of the process. */
  #write(
    tape: RowTape,
    place: RowPlace,
    exchange: Exchange,
    request: RecordedRequest,
    expected: boolean,
    origin: RowOrigin,
    errorCode: number,
  ): void {
    const at = tape.append();
    const { numbers } = tape;
    const texts = this.#texts;
    numbers[at] = exchange.endedMs;
    numbers[at + 1] = exchange.startedMs;
    numbers[at + 2] = origin.intendedUs;
    numbers[at + 3] = origin.iterationStartedMs;
    numbers[at + 4] = texts.numberOf(place.scenario);
    numbers[at + 5] = texts.numberOf(place.group);
    numbers[at + 6] = texts.numberOf(request.name);
    numbers[at + 7] = texts.numberOf(request.method);
    numbers[at + 8] = exchange.status;
    numbers[at + 9] = errorCode;
    numbers[at + 10] = expected ? 0 : 1;
    numbers[at + 11] = exchange.durationUs;
    numbers[at + 12] = exchange.blockedUs;
    numbers[at + 13] = exchange.connectingUs;
    numbers[at + 14] = exchange.tlsUs;
    numbers[at + 15] = exchange.sendingUs;
    numbers[at + 16] = exchange.waitingUs;
    numbers[at + 17] = exchange.receivingUs;
    numbers[at + 18] = exchange.bytesSent;
    numbers[at + 19] = exchange.bytesReceived;
    numbers[at + 20] = origin.id;
    numbers[at + 21] = origin.iteration;
  }

  /** The second's rows as columns, and a fresh start; null without rows. `originMs` is the run's instant 0. */
  take(originMs: number): SamplesPayload | null {
    const rows = this.kept;
    const columns = rows === 0 ? null : this.#columns(rows, originMs);
    this.#kept.clear();
    this.#failed.clear();
    this.#stride = 1;
    this.#skip = 0;
    this.#measured = 0;
    return columns === null ? null : { rows, columns };
  }

  #columns(rows: number, originMs: number): SamplesPayload['columns'] {
    return SAMPLE_COLUMNS.map(({ name, type }, column): SamplesPayload['columns'][number] => {
      const data = new ARRAYS[type](rows);
      if (type === 'dict') {
        this.#texts.beginBatch();
        this.#each(column, (value, row) => {
          data[row] = this.#texts.local(value);
        });
        return {
          name,
          type,
          data: bytesOf(data),
          values: this.#texts.batchTexts,
        };
      }
      const isInstant = INSTANTS.has(name);
      this.#each(column, (value, row) => {
        data[row] = isInstant ? Math.round((value - originMs) * 1_000) : value;
      });
      return { name, type, data: bytesOf(data) };
    });
  }

  #each(column: number, take: (value: number, row: number) => void): void {
    let row = 0;
    for (const { numbers, rows } of [this.#kept, this.#failed])
      for (let n = 0; n < rows; n += 1, row += 1) take(numbers[n * ROW_WIDTH + column] as number, row);
  }
}

const ARRAYS = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
  dict: Uint32Array,
} as const;
/** Columns that hold instants of `performance.now()` until they are sealed. */
const INSTANTS: ReadonlySet<string> = new Set(['ended_us', 'started_us', 'iteration_started_us']);

const bytesOf = (data: { readonly buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(data.buffer);
