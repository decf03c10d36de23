import { SAMPLE_COLUMNS, type SamplesPayload } from '@muster/protocol';
import type { SampleLabels } from './sample-labels.js';

/** One request as a row. */
export interface Row {
  readonly endedUs: number;
  readonly startedUs: number;
  readonly intendedUs: number;
  readonly iterationStartedUs: number;
  readonly labels: SampleLabels;
  readonly durationUs: number;
  readonly blockedUs: number;
  readonly connectingUs: number;
  readonly tlsUs: number;
  readonly sendingUs: number;
  readonly waitingUs: number;
  readonly receivingUs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly vu: number;
  readonly iteration: number;
}

/** Failed rows of one second that are kept whatever happens to the others. */
const MAX_FAILED_ROWS = 50_000;

/**
 * The rows of one second. Up to `limit` all are kept; when that is full every second one goes and from then on only
 * every second is taken, and so on: what is left is spread evenly over the second. Failed rows are all kept besides.
 */
export class RowBuffer {
  readonly #limit: number;
  #rows: Row[] = [];
  #failed: Row[] = [];
  #stride = 1;
  #seen = 0;
  #measured = 0;

  /** @param limit rows kept of a second; 0 for none, infinite for all */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get measured(): number {
    return this.#measured;
  }
  get kept(): number {
    return this.#rows.length + this.#failed.length;
  }

  /** Whether the next successful row would be kept, so that nothing need be made for one that would not. */
  wants(): boolean {
    if (this.#limit > 0 && this.#seen % this.#stride === 0) return true;
    this.#seen += 1;
    this.#measured += 1;
    return false;
  }

  /** Adds a row for which {@link wants} was true. */
  add(row: Row): void {
    this.#seen += 1;
    this.#measured += 1;
    this.#rows.push(row);
    if (this.#rows.length < this.#limit) return;
    this.#rows = this.#rows.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  addFailed(row: Row): void {
    this.#measured += 1;
    if (this.#limit > 0 && this.#failed.length < MAX_FAILED_ROWS) this.#failed.push(row);
  }

  /** The second's rows as columns, and a fresh start; null without rows. */
  take(): SamplesPayload | null {
    const rows =
      this.#failed.length === 0 ? this.#rows : [...this.#rows, ...this.#failed].sort((a, b) => a.endedUs - b.endedUs);
    this.#rows = [];
    this.#failed = [];
    this.#stride = 1;
    this.#seen = 0;
    this.#measured = 0;
    return rows.length === 0 ? null : { rows: rows.length, columns: columnsOf(rows) };
  }
}

const numbers: Readonly<Record<string, (row: Row) => number>> = {
  ended_us: (row) => row.endedUs,
  started_us: (row) => row.startedUs,
  intended_us: (row) => row.intendedUs,
  iteration_started_us: (row) => row.iterationStartedUs,
  status: (row) => row.labels.status,
  error_code: (row) => row.labels.errorCode,
  failed: (row) => (row.labels.expected ? 0 : 1),
  duration_us: (row) => row.durationUs,
  blocked_us: (row) => row.blockedUs,
  connecting_us: (row) => row.connectingUs,
  tls_us: (row) => row.tlsUs,
  sending_us: (row) => row.sendingUs,
  waiting_us: (row) => row.waitingUs,
  receiving_us: (row) => row.receivingUs,
  bytes_sent: (row) => row.bytesSent,
  bytes_received: (row) => row.bytesReceived,
  vu: (row) => row.vu,
  iteration: (row) => row.iteration,
};
const texts: Readonly<Record<string, (row: Row) => string>> = {
  scenario: (row) => row.labels.scenario,
  group: (row) => row.labels.group,
  name: (row) => row.labels.name,
  method: (row) => row.labels.method,
};
const ARRAYS = { f64: Float64Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const;

const columnsOf = (rows: readonly Row[]): SamplesPayload['columns'] =>
  SAMPLE_COLUMNS.map(({ name, type }) => {
    if (type === 'dict') {
      const read = texts[name] as (row: Row) => string;
      const values: string[] = [];
      const places = new Map<string, number>();
      const data = new Uint32Array(rows.length);
      for (const [index, row] of rows.entries()) {
        const text = read(row).slice(0, 8_192);
        let place = places.get(text);
        if (place === undefined) {
          place = values.push(text) - 1;
          places.set(text, place);
        }
        data[index] = place;
      }
      return { name, type, data: new Uint8Array(data.buffer), values };
    }
    const read = numbers[name] as (row: Row) => number;
    const data = new ARRAYS[type](rows.length);
    for (const [index, row] of rows.entries()) data[index] = read(row);
    return { name, type, data: new Uint8Array(data.buffer) };
  });
