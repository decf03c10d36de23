import { resolve } from 'node:path';
import type { Muster, OriginalClient } from '@muster/client';
import { MusterError } from '@muster/protocol';
import type { AskFlags } from '../ask.js';
import { follow } from '../follow.js';
import type { Io } from '../io.js';
import { followOriginal } from '../original/follow-original.js';
import { startWatch } from '../original/watch.js';
import { chooseOutputs, type OutputFlags } from '../outputs/choose-outputs.js';
import { writable } from '../outputs/writable.js';
import { connectAt, connectOriginalAt, withPlace } from '../place.js';

export interface AttachFlags extends AskFlags, OutputFlags {
  readonly summaryExport?: string;
}

interface Candidate {
  readonly id: string;
  readonly original: boolean;
  readonly active: boolean;
}

/** Follows a run that somebody started, of either kind; without a name the only active one. */
export const attachCommand = (asked: string | undefined, flags: AttachFlags, io: Io): Promise<number> =>
  withPlace(flags, io, async (place) => {
    await using client = await connectOriginalAt(place);
    await using muster = client.native ? await connectAt(place) : null;
    const { id, original } = choose(await candidates(muster, client), asked);
    const { quiet, outputs } = chooseOutputs(flags, io.cwd);
    if (flags.summaryExport !== undefined) writable(resolve(io.cwd, flags.summaryExport));
    if (!original && muster !== null) {
      const run = await muster.attach(id);
      return await follow(run, io, { quiet, outputs, summaryExport: flags.summaryExport, mayDetach: true });
    }
    await using watch = await startWatch(client, id);
    return await followOriginal(client, io, {
      run: id,
      name: id,
      quiet,
      outputs,
      mayDetach: true,
      watch,
      attached: true,
    });
  });

const candidates = async (muster: Muster | null, client: OriginalClient): Promise<readonly Candidate[]> => {
  const native = muster === null ? [] : await muster.runs({ limit: 10_000 });
  const known = new Set(native.map(({ id }) => String(id)));
  const original = (await client.listRuns()).filter(({ run }) => !known.has(run));
  return [
    ...native.map(({ id, state }) => ({ id, original: false, active: state !== 'finished' })),
    ...original.map(({ run }) => ({ id: run, original: true, active: true })),
  ];
};

const choose = (runs: readonly Candidate[], asked: string | undefined): Candidate => {
  const matching = runs.filter(({ id, active }) =>
    asked === undefined ? active : id === asked || id.startsWith(asked) || id.endsWith(asked),
  );
  const [only, ...others] = matching;
  if (only !== undefined && others.length === 0) return only;
  const what = asked === undefined ? 'active' : `called ${asked}`;
  throw new MusterError(
    'RUN_UNKNOWN',
    only === undefined
      ? `no run is ${what}`
      : `${matching.length} runs are ${what}: ${matching.map(({ id }) => id).join(', ')}`,
    { hint: only === undefined ? '`muster runs` lists them' : '`muster attach RUN` says which' },
  );
};
