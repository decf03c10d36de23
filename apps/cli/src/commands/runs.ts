import { connectOriginal, type Muster } from '@muster/client';
import { EXIT } from '@muster/protocol';
import { type ResultFlags, withResults } from '../ask.js';
import type { Io } from '../io.js';
import { originalRuns } from '../original/original-runs.js';
import { ago } from '../view/format.js';
import { table } from '../view/table.js';

/** The latest runs of both kinds, newest first. */
export const runsCommand = async (flags: ResultFlags & { readonly limit: number }, io: Io): Promise<number> => {
  const found = await withResults(flags, io, (muster) => runsAt(muster, flags.limit));
  const runs = found
    .flat()
    .sort((a, b) => (b.submittedAt ?? '').localeCompare(a.submittedAt ?? ''))
    .slice(0, flags.limit);
  if (flags.json === true) io.out(`${JSON.stringify(runs, null, 2)}\n`);
  else if (runs.length === 0) io.out('no runs yet\n');
  else {
    io.out(
      table(
        ['RUN', 'NAME', 'STATE', 'VERDICT', 'EXIT', 'AGENTS', 'SUBMITTED'],
        runs.map((run) => [
          run.id,
          run.name,
          run.state,
          run.verdict ?? '-',
          run.exitCode === null ? '-' : String(run.exitCode),
          run.agents.length === 0 ? '-' : String(run.agents.length),
          ago(run.submittedAt, Date.now()),
        ]),
      ),
    );
  }
  return EXIT.passed;
};

const runsAt = async (muster: Muster, limit: number) => {
  const native = await muster.runs({ limit });
  await using client = await connectOriginal(muster.endpoint);
  const original = (await originalRuns(muster, client)).map((run) => ({ ...run, verdict: null, exitCode: null }));
  return [...native, ...original];
};
