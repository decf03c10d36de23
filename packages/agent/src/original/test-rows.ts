import type { TestEvent } from '@muster/engine';
import { BUILTIN } from '@muster/metrics';
import {
  BOUNDS,
  decodeNative,
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
  readonly events?: readonly TestEvent[];
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
/** Faults of the test's code outside of any iteration: the original calls them errors of the test, too. */
const LOOSE_FAULTS: ReadonlySet<string> = new Set(['UNCAUGHT_EXCEPTION', 'UNHANDLED_REJECTION']);

/**
 * One second of a test of ours as batches of the original. Iterations are tests; what one throws is its error, and its
 * failure if it is an `AssertionError`; requests are hits; each growth of a counter of the author's own is a row of the
 * counter's name, with how much in `size`. Each row has its own position.
 */
export const rowsOfSecond = (second: SealedSecond, test: RowsOfTest): readonly LoadsRow[] => {
  const window = decodeNative(WindowPayload, second.window, BOUNDS.resultBytes);
  const counts = countsOf(second.events ?? [], test);
  if (second.samples !== undefined) counts.add_hit?.push(...hitsOf(second.samples, test));
  for (const group of window.errors) {
    if (!LOOSE_FAULTS.has(group.code)) continue;
    const row = { test: test.label, loads_status: [test.step.hits ?? 0, test.step.users, 0, 0] };
    for (let each = 0; each < group.count; each += 1) counts.addError?.push({ ...row, exc_info: excInfo(group) });
  }
  return batchesOf(counts, test.hostname);
};

const countsOf = (events: readonly TestEvent[], test: RowsOfTest): Counts => {
  // The order of the kinds is that of a test's life.
  const counts: Counts = {};
  for (const kind of KINDS) counts[kind] = [];
  for (const event of events) {
    if (event.kind === 'lost') continue;
    const row = { test: test.label, loads_status: statusOf(test.step, event.vu, event.iteration) };
    switch (event.kind) {
      case 'begin':
        counts.startTest?.push(row);
        break;
      case 'end':
        if (event.error === null) counts.addSuccess?.push(row);
        else counts[outcomeOf(event.error)]?.push({ ...row, exc_info: excInfo(event.error) });
        counts.stopTest?.push(row);
        break;
      case 'count':
        if (BUILTIN[event.name] !== undefined || event.name === 'batch' || isOriginalKind(event.name)) break;
        counts[event.name] ??= [];
        counts[event.name]?.push({ ...row, size: event.by });
        break;
      // Clients of the original take these without a position.
      case 'socket_message':
        counts.socket_message?.push({ size: event.bytes });
        break;
      default:
        counts[event.kind]?.push({});
    }
  }
  return counts;
};

const KINDS = [
  'startTest',
  'add_hit',
  'socket_open',
  'socket_message',
  'socket_close',
  'addSuccess',
  'addFailure',
  'addError',
  'stopTest',
] as const;

const outcomeOf = ({ message }: { readonly message: string }): 'addFailure' | 'addError' =>
  message.startsWith('AssertionError') ? 'addFailure' : 'addError';

/** Hits and users of the stage, then the position in it: hits count from 1, users from 0. */
const statusOf = (step: Step, vu: number, iteration: number): readonly number[] => {
  let [stage, left] = [step.hits ?? 0, iteration];
  for (const hits of step.cycle ?? []) {
    stage = hits;
    if (left < hits) break;
    left -= hits;
  }
  return [stage, step.users, left + 1, Math.max(0, vu - 1)];
};

/** Type, message, trace: for us, the author's line. */
const excInfo = ({
  code,
  message,
  where,
}: {
  readonly code: string;
  readonly message: string;
  readonly where: string | null;
}): readonly string[] => [code, message, where ?? ''];

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
    loads_status: statusOf(step, vu(row), iteration(row)),
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
