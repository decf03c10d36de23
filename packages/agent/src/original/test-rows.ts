import { BUILTIN, readSnapshot } from '@muster/metrics';
import {
  BOUNDS,
  decodeNative,
  type ErrorGroup,
  isOriginalKind,
  type SAMPLE_COLUMNS,
  SamplesPayload,
  WindowPayload,
} from '@muster/protocol';
import type { LoadsRow } from './events.js';
import type { Step } from './run-spec.js';

/** Rows by kind, as a `batch` of the original holds them. */
type Counts = Record<string, Readonly<Record<string, unknown>>[]>;

export interface SealedSecond {
  readonly window: Uint8Array;
  readonly samples?: Uint8Array;
}

export interface RowsOfTest {
  /** The test's name in its rows. */
  readonly label: string;
  readonly step: Step;
  /** Wall time of the run's instant 0, in milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly hostname: string;
}

/** Rows of one message: a broker of the original takes a message at a time. */
const MAX_ROWS = 1_000;
/** Faults of the test's code, not of a request: these are what the original calls an error of a test. */
const TEST_FAULTS: ReadonlySet<string> = new Set([
  'SCRIPT_EXCEPTION',
  'FAIL',
  'UNCAUGHT_EXCEPTION',
  'UNHANDLED_REJECTION',
]);

/**
 * One second of a test of ours as batches of the original. Iterations are tests; what one throws is its error, and its
 * failure if it is an `AssertionError`; requests are hits; counters of the author's own are kinds of rows by their name,
 * with how much they grew in `size`.
 */
export const rowsOfSecond = (second: SealedSecond, test: RowsOfTest): readonly LoadsRow[] => {
  const window = decodeNative(WindowPayload, second.window, BOUNDS.resultBytes);
  const sums = sumsOf(window);
  const count = (name: string): number => Math.round(sums.get(name) ?? 0);
  const status = [test.step.hits ?? 0, test.step.users, 0, 0];
  const row = { test: test.label, loads_status: status };
  const ended = count('iterations');
  const counts: Counts = {
    startTest: Array.from({ length: count('iterations_started') }, () => row),
    add_hit: second.samples === undefined ? [] : hitsOf(second.samples, test),
    addSuccess: Array.from({ length: Math.max(0, ended - count('iterations_failed')) }, () => row),
    addFailure: [],
    addError: [],
    stopTest: Array.from({ length: ended }, () => row),
  };
  for (const group of window.errors) {
    if (!TEST_FAULTS.has(group.code)) continue;
    const kind = group.message.startsWith('AssertionError') ? counts.addFailure : counts.addError;
    for (let each = 0; each < group.count; each += 1) kind?.push({ ...row, exc_info: excInfo(group) });
  }
  for (const [name, size] of sums)
    if (BUILTIN[name] === undefined && name !== 'batch' && !isOriginalKind(name)) counts[name] = [{ ...row, size }];
  return batchesOf(counts, test.hostname);
};

/** How much each counter grew, over all of its series. */
const sumsOf = ({ series }: WindowPayload): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>();
  for (const plain of series) {
    const read = readSnapshot(plain);
    if (read?.sink.type === 'counter') sums.set(read.metric, (sums.get(read.metric) ?? 0) + read.sink.sum);
  }
  return sums;
};

/** Type, message, trace: for us, the author's line. */
const excInfo = ({ code, message, where }: ErrorGroup): readonly string[] => [code, message, where ?? ''];

const hitsOf = (bytes: Uint8Array, { step, startedAtMs }: RowsOfTest): Readonly<Record<string, unknown>>[] => {
  const { rows, columns } = decodeNative(SamplesPayload, bytes, BOUNDS.resultBytes);
  const numberIn = (name: (typeof SAMPLE_COLUMNS)[number]['name']): ((row: number) => number) => {
    const column = columns.find((each) => each.name === name);
    const data = Buffer.from(column?.data ?? []);
    if (column?.type === 'f64') return (row) => data.readDoubleLE(row * 8);
    if (column?.type === 'i32') return (row) => data.readInt32LE(row * 4);
    return (row) => data.readUInt32LE(row * 4);
  };
  const textIn = (name: 'name' | 'method'): ((row: number) => string) => {
    const column = columns.find((each) => each.name === name);
    const index = numberIn(name);
    return (row) => (column?.type === 'dict' ? (column.values[index(row)] ?? '') : '');
  };
  const [url, method] = [textIn('name'), textIn('method')];
  const [status, startedUs, durationUs] = [numberIn('status'), numberIn('started_us'), numberIn('duration_us')];
  const [vu, iteration] = [numberIn('vu'), numberIn('iteration')];
  return Array.from({ length: rows }, (_, row) => ({
    url: url(row),
    method: method(row),
    status: status(row),
    // Without a zone, as the original writes it: UTC.
    started: new Date(startedAtMs + startedUs(row) / 1_000).toISOString().replace(/Z$/, ''),
    elapsed: durationUs(row) / 1e6,
    loads_status: [step.hits ?? 0, step.users, iteration(row) + 1, Math.max(0, vu(row) - 1)],
  }));
};

/** In messages of a bounded number of rows, in the order of the kinds. */
const batchesOf = (counts: Counts, hostname: string): readonly LoadsRow[] => {
  const batches: LoadsRow[] = [];
  let open: Counts = {};
  let size = 0;
  const close = (): void => {
    if (size > 0) batches.push({ data_type: 'batch', hostname, counts: open });
    open = {};
    size = 0;
  };
  for (const [kind, rows] of Object.entries(counts)) {
    for (let from = 0; from < rows.length; ) {
      const part = rows.slice(from, from + MAX_ROWS - size);
      open[kind] = part;
      size += part.length;
      from += part.length;
      if (size >= MAX_ROWS) close();
    }
  }
  close();
  return batches;
};
