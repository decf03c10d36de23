import type { Muster, OriginalClient } from '@muster/client';
import { EXIT, MusterError } from '@muster/protocol';
import { type AskFlags, findRun, type ResultFlags, withResults } from '../ask.js';
import type { Io } from '../io.js';
import { type OriginalRun, orOriginal, withOriginalRun } from '../original/original-runs.js';
import { exactTotals, factsOf } from '../original/read-totals.js';
import { Totals } from '../original/totals.js';
import { totalsReport, totalsText } from '../original/totals-report.js';
import { observerLines, summaryText } from '../view/summary.js';

/** The summary of a finished run; where a run stands that is not finished. */
export const showCommand = async (asked: string, flags: ResultFlags, io: Io): Promise<number> => {
  const answers = await withResults(
    flags,
    io,
    (muster) => showAt(muster, asked, flags, io).catch(unknownOnly),
    (answer) => !(answer instanceof MusterError),
  );
  const last = answers.at(-1);
  if (last instanceof MusterError) throw last;
  return last ?? EXIT.passed;
};

const showAt = (muster: Muster, asked: string, flags: AskFlags, io: Io): Promise<number> =>
  orOriginal(
    () => showTest(muster, asked, flags, io),
    () => withOriginalRun(muster, asked, (client, run) => showOriginal(client, run, flags, io)),
  );

/** A run that is not known here may be known in the next folder. */
const unknownOnly = (thrown: unknown): MusterError => {
  if (thrown instanceof MusterError && thrown.code === 'RUN_UNKNOWN') return thrown;
  throw thrown;
};

const showTest = async (muster: Muster, asked: string, flags: AskFlags, io: Io): Promise<number> => {
  const { run, summary } = await muster.show(await findRun(muster, asked));
  if (summary === null) {
    if (flags.json === true)
      throw new MusterError('NOT_SUPPORTED', `run ${run.id} is ${run.state}: it has no summary yet`);
    io.out(`run ${run.id} (${run.name}) is ${run.state}\n`);
    return EXIT.passed;
  }
  io.out(flags.json === true ? `${JSON.stringify(summary, null, 2)}\n` : `${summaryText(summary, io.colors)}\n`);
  return EXIT.passed;
};

/** Of a run of the original there are totals at any time. */
const showOriginal = async (
  client: OriginalClient,
  { id, name, state }: OriginalRun,
  flags: AskFlags,
  io: Io,
): Promise<number> => {
  const totals = await exactTotals(client, id, new Totals(), true);
  const facts = await factsOf(client, id, name, 0);
  if (flags.json === true) io.out(`${JSON.stringify(totalsReport(facts, totals).summary, null, 2)}\n`);
  else {
    const { observers } = await client.getMetadata(id);
    const told = observerLines(outcomesIn(observers), io.colors);
    const end = told.length === 0 ? '' : `${told.join('\n')}\n`;
    io.out(`run ${id} (${name}) is ${state}\n\n${totalsText(facts, totals, io.colors)}\n${end}`);
  }
  return EXIT.passed;
};

/** How observers fared, as the broker notes it in the metadata. */
const outcomesIn = (observers: unknown): readonly string[] =>
  typeof observers !== 'object' || observers === null
    ? []
    : Object.entries(observers as Readonly<Record<string, { readonly text?: unknown } | null>>).map(
        ([name, outcome]) => `${name}: ${String(outcome?.text ?? 'unknown')}`,
      );
