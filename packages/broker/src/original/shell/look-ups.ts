import { BOUNDS, MusterError, type OriginalQuestion, type OriginalSnapshot } from '@muster/protocol';
import type { ControlQuestion } from '../control/events.js';
import type { OriginalFeed } from '../feed/original-feed.js';
import type { NativeRuns } from '../native/native-runs.js';
import type { OriginalMetadata, OriginalReader, OriginalResults } from '../original-results.js';

/** A question that the results answer. */
export type LookUp = Exclude<OriginalQuestion, ControlQuestion | { readonly name: 'PING' | 'LIST' }>;

/** Names of arguments that are nobody's business but the observers'. */
const SECRET = /pass(word|wd)?|secret|token|api_?key/i;

/** Where answers come from. */
export interface LookUpSources {
  readonly results: OriginalResults;
  /** Runs of ours. */
  readonly native: Pick<NativeRuns, 'find' | 'ids'>;
  readonly feed: Pick<OriginalFeed, 'boot' | 'snapshot'>;
  isActive(run: string): boolean;
}

/** Answers from what is kept, as JSON text. Rejects with what is to be answered as an error. */
export const lookUpOriginal = async (
  question: LookUp,
  { results, native, feed, isActive }: LookUpSources,
): Promise<Buffer> => {
  if (question.name === 'CTRL_GET_RUNS') {
    const [ours, others] = await Promise.all([native.ids(), results.runs()]);
    return resultOf([...new Set([...ours, ...others])]);
  }
  const run = question.fields.run_id;
  const ours = await native.find(run);
  const reader = ours ?? results;
  switch (question.name) {
    case 'CTRL_GET_DATA': {
      const { data_type, groupby, start, size } = question.fields;
      const query = { dataType: data_type ?? null, groupby: groupby === true, start: start ?? 0, size: size ?? null };
      return await listOf(reader.data(run, query));
    }
    case 'CTRL_GET_ERRORS': {
      const { start, size } = question.fields;
      return await listOf(reader.errors(run, { start: start ?? 0, size: size ?? null }));
    }
    case 'CTRL_GET_COUNTS':
      return resultOf(await reader.counts(run));
    case 'CTRL_GET_URLS':
      return resultOf(await reader.urls(run));
    case 'CTRL_GET_METADATA':
      // What clients added to a run of ours is kept like that of any other.
      return resultOf(withoutSecrets({ ...(await results.metadata(run)), ...(await ours?.metadata(run)) }));
    case 'CTRL_SNAPSHOT': {
      const standing = await (ours === null ? feed.snapshot(run) : standingOf(ours, run));
      const metadata = withoutSecrets(standing.metadata);
      return resultOf({
        run_id: run,
        boot: feed.boot,
        ...standing,
        active: isActive(run),
        metadata,
      } satisfies OriginalSnapshot);
    }
    case 'CTRL_UPDATE_METADATA':
      await results.updateMetadata(run, question.fields.fields);
      return resultOf(null);
    case 'CTRL_DELETE_RUN':
      if (ours !== null)
        throw new MusterError('NOT_SUPPORTED', `run ${run} is a test of Muster's: this broker keeps those`);
      if (isActive(run)) throw new MusterError('RUN_UNKNOWN', `run ${run} is not over: stop it first`);
      await results.delete(run);
      return resultOf(null);
  }
};

/** A run of ours has its events elsewhere. */
const standingOf = async (reader: OriginalReader, run: string) => ({
  number: null,
  counts: await reader.counts(run),
  metadata: await reader.metadata(run),
});

const resultOf = (result: unknown): Buffer => Buffer.from(JSON.stringify({ result }));

const withoutSecrets = (metadata: OriginalMetadata): OriginalMetadata =>
  Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      SECRET.test(name) && value !== null && value !== '' ? '***' : masked(value),
    ]),
  );

/** Secrets inside of a value; what is nested too deep did not come in. */
const masked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(masked);
  return typeof value === 'object' && value !== null ? withoutSecrets(value as OriginalMetadata) : value;
};

/** One answer of many pieces; larger than an answer may be is refused while it is put together. */
const listOf = async (pieces: AsyncIterable<readonly string[]>): Promise<Buffer> => {
  const parts: Buffer[] = [Buffer.from('{"result":[')];
  let bytes = 0;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    const text = Buffer.from(`${parts.length === 1 ? '' : ','}${piece.join(',')}`);
    bytes += text.byteLength;
    if (bytes > BOUNDS.answerBytes)
      throw new MusterError('MESSAGE_TOO_LARGE', 'the rows are more than one answer holds: ask with start and size');
    parts.push(text);
  }
  parts.push(Buffer.from(']}'));
  return Buffer.concat(parts);
};
