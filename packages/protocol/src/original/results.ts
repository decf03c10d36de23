import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { decodeOriginal, fitting } from './codec.js';

const AnyId = z.union([z.string(), z.int()]);
const NumberOrText = z.union([z.number(), z.string()]);
/** Hits and users of the stage, then the current hit and user; numbers, or text where another program sent them. */
export const LoadsStatus = z.tuple([NumberOrText, NumberOrText, NumberOrText, NumberOrText]);
export type LoadsStatus = z.infer<typeof LoadsStatus>;
/** Type, message, traceback. */
const ExcInfo = z.array(z.string());

const inTest = { test: z.string().optional(), loads_status: LoadsStatus.nullable().optional() };
/** Fields of each kind of result; any other kind is a counter of the author's, named by itself. */
const FIELDS = {
  startTestRun: z.looseObject({}),
  stopTestRun: z.looseObject({}),
  startTest: z.looseObject(inTest),
  stopTest: z.looseObject(inTest),
  addSuccess: z.looseObject(inTest),
  addFailure: z.looseObject({ ...inTest, exc_info: ExcInfo.nullable().optional() }),
  addError: z.looseObject({ ...inTest, exc_info: ExcInfo.nullable().optional() }),
  add_hit: z.looseObject({
    url: z.string(),
    method: z.string(),
    status: z.int(),
    /** ISO 8601 without a zone: UTC. */
    started: z.string(),
    elapsed: z.number().describe('seconds until the headers were there'),
    loads_status: LoadsStatus.nullable().optional(),
  }),
  socket_open: z.looseObject({}),
  socket_close: z.looseObject({}),
  socket_message: z.looseObject({ size: z.number().describe('bytes') }),
} as const;

/** Kinds of results that the original knows; others are the author's counters. */
export type OriginalKind = keyof typeof FIELDS;
export const isOriginalKind = (kind: string): kind is OriginalKind => Object.hasOwn(FIELDS, kind);

/** A result row; a batch holds rows by type. */
export const ResultRow = z.looseObject({
  data_type: z.string().max(256),
  run_id: z.string().optional(),
  agent_id: AnyId.optional(),
});
export type ResultRow = z.infer<typeof ResultRow>;
export const ResultBatch = z.looseObject({
  data_type: z.literal('batch'),
  agent_id: AnyId,
  run_id: z.string(),
  hostname: z.string().optional(),
  counts: z.record(z.string(), z.array(z.looseObject({}))),
});
export type ResultBatch = z.infer<typeof ResultBatch>;
export const RunFinished = z.strictObject({ data_type: z.literal('run-finished'), run_id: z.string() });
export type RunFinished = z.infer<typeof RunFinished>;

/** One message on the receiver. */
export type OriginalResult = ResultBatch | ResultRow;

/** Reads a result. @throws MusterError `BAD_MESSAGE`, `MESSAGE_TOO_LARGE` */
export const readResult = (payload: Uint8Array): OriginalResult => {
  const row = decodeOriginal(ResultRow, payload, BOUNDS.resultBytes);
  return row.data_type === 'batch' ? fitting(ResultBatch, row) : row;
};

/** The rows of a message, each with the envelope's agent and run, in their order within a kind. Bad rows are counted. */
export const rowsOf = (result: OriginalResult): { readonly rows: readonly ResultRow[]; readonly bad: number } => {
  const all = isBatch(result) ? split(result) : [result];
  const rows = all.filter(fits);
  return { rows, bad: all.length - rows.length };
};

const isBatch = (result: OriginalResult): result is ResultBatch => result.data_type === 'batch' && 'counts' in result;

const split = ({ counts, agent_id, run_id }: ResultBatch): ResultRow[] =>
  Object.entries(counts).flatMap(([data_type, rows]) => rows.map((row) => ({ ...row, data_type, agent_id, run_id })));

const fits = (row: ResultRow): boolean =>
  !isOriginalKind(row.data_type) || FIELDS[row.data_type].safeParse(row).success;
