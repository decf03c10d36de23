import type { OriginalClient } from '@muster/client';
import { EXIT } from '@muster/protocol';
import { onInterrupts } from '../interrupts.js';
import type { Io } from '../io.js';
import type { Output } from '../outputs/output.js';
import { duration } from '../view/format.js';
import { exactTotals, factsOf } from './read-totals.js';
import { Totals } from './totals.js';
import { exitCodeOfTotals, totalsReport, totalsText } from './totals-report.js';
import type { Watch } from './watch.js';

/** How a run of the original is followed. */
export interface FollowOriginalOptions {
  readonly run: string;
  /** For people. */
  readonly name: string;
  /** Said first, when Ctrl-C is listened to already. */
  readonly banner?: string;
  readonly quiet: boolean;
  readonly outputs: readonly Output[];
  /** False in a cluster of its own: it would die with this process. */
  readonly mayDetach: boolean;
  /** What is published, from before the run began; the run's own is picked out. */
  readonly watch: Watch;
  /** True when rows may have been published before: everything is read at the end. */
  readonly attached: boolean;
}

/** How often the broker is asked whether the run is still active: a publisher may lose its last word. */
const LOOK_MS = 1_000;
const SHOW_MS = 3_000;

type Ending = 'finished' | 'detached';

/** Follows a run of the original to its end; the answer is the exit code. Ctrl-C as with any run. */
export const followOriginal = async (
  client: OriginalClient,
  io: Io,
  options: FollowOriginalOptions,
): Promise<number> => {
  const { run, quiet, outputs } = options;
  const startedMs = performance.now();
  let totals = new Totals();
  const note = (text: string) => {
    if (!quiet) io.out(`${text}\n`);
  };
  let held = false;
  const interrupts = onInterrupts(io, {
    mayDetach: options.mayDetach,
    stop: () => client.stopRun(run),
    note,
    hold: () => {
      held = true;
      return () => {
        held = false;
      };
    },
  });
  if (options.banner !== undefined) note(options.banner);
  const show = setInterval(() => {
    if (!held) note(progressLine(totals, performance.now() - startedMs));
  }, SHOW_MS);
  const over = endOf(client, run);
  const heard = { all: !options.attached };
  let ending: Ending;
  try {
    const reading = takeRows(options, totals, heard, note);
    ending = await Promise.race([reading, over.promise, interrupts.detached]);
  } finally {
    clearInterval(show);
    over.off();
    interrupts.off();
    await options.watch.end();
  }
  if (ending === 'detached') {
    io.out(`run ${run} goes on; \`muster attach ${run}\` follows it again\n`);
    return EXIT.passed;
  }
  totals = await exactTotals(client, run, totals, !heard.all);
  const facts = await factsOf(client, run, options.name, performance.now() - startedMs);
  if (!quiet) io.out(`${totalsText(facts, totals, io.colors)}\n`);
  const report = totalsReport(facts, totals);
  for (const output of outputs) await output.end(report);
  return interrupts.stopped() ? EXIT.abortedByUser : exitCodeOfTotals(totals);
};

const takeRows = async (
  { watch: { events }, run, outputs }: FollowOriginalOptions,
  totals: Totals,
  heard: { all: boolean },
  note: (text: string) => void,
): Promise<Ending> => {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const event = next.value;
    if (event.run !== run) continue;
    if (event.kind === 'finished') return 'finished';
    if (event.kind === 'snapshot') {
      heard.all = totals.replace(event.counts) && heard.all;
      if (event.missed) note('some rows were missed: the totals are the broker’s');
      continue;
    }
    for (const row of event.rows) {
      totals.add(row);
      for (const output of outputs) output.event(row);
    }
  }
  // Watching has ended; the broker says when the run has.
  return await new Promise<never>(() => undefined);
};

/** Resolves when the broker no longer lists the run; rejects when it no longer answers. */
const endOf = (client: OriginalClient, run: string) => {
  const ending = new AbortController();
  const look = async (): Promise<Ending> => {
    let absent = 0;
    while (absent < 2) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        ending.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      if (ending.signal.aborted) return 'finished';
      absent = (await client.listRuns()).some((each) => each.run === run) ? 0 : absent + 1;
    }
    return 'finished';
  };
  const promise = look();
  promise.catch(() => undefined);
  return { promise, off: () => ending.abort() };
};

const progressLine = (totals: Totals, sinceMs: number): string =>
  `running ${duration(sinceMs)}: ${totals.count('stopTest')} tests, ${totals.count('add_hit')} hits, ${totals.bad} failures and errors`;
