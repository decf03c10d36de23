import { writeFile } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import type { Run } from '@muster/client';
import { EXIT, MusterError, type Summary } from '@muster/protocol';
import { onInterrupts } from './interrupts.js';
import type { Io } from './io.js';
import type { Output } from './outputs/output.js';
import { summaryReport } from './outputs/summary-report.js';
import { type LiveView, liveView } from './view/live-view.js';
import { summaryText, verdictText } from './view/summary.js';

/** How a run is followed to its end. */
export interface FollowOptions {
  readonly quiet: boolean;
  readonly summaryExport: string | undefined;
  readonly outputs?: readonly Output[];
  /** False in a cluster of its own: it would die with this process. */
  readonly mayDetach: boolean;
}

/**
 * Follows a run to its end: live view, then the summary; the answer is the run's exit code. Ctrl-C stops the run (on a
 * terminal it asks first, if the run can go on without us); a second one ends this process at once.
 */
export const follow = async (run: Run, io: Io, options: FollowOptions): Promise<number> => {
  const view = liveView(io, options.quiet);
  const interrupts = onInterrupts(io, {
    mayDetach: options.mayDetach,
    stop: () => run.stop({ reason: 'interrupted by the user' }),
    note: (text) => view.note(text),
    hold: () => view.hold(),
  });
  try {
    const left = await Promise.race([showEvents(run, view, options.outputs ?? []), interrupts.detached]);
    if (left === 'detached') {
      view.done();
      io.out(`run ${run.id} goes on; \`muster attach ${run.id}\` follows it again\n`);
      return EXIT.passed;
    }
  } finally {
    interrupts.off();
  }
  view.done();
  const summary = await run.summary();
  await report(run, summary, io, options);
  for (const output of options.outputs ?? []) await output.end(summaryReport(summary));
  return summary.run.exitCode;
};

const showEvents = async (run: Run, view: LiveView, outputs: readonly Output[]): Promise<void> => {
  for await (const event of run.events()) {
    for (const output of outputs) output.event(event);
    if (event.kind === 'progress') view.show(event.progress);
    else if (event.kind === 'note') view.note(event.level === 'info' ? event.text : `${event.level}: ${event.text}`);
  }
};

/** What is left when a run is over: the author's own summary in place of ours if there is one, and the exported file. */
export const report = async (
  run: Run,
  summary: Summary,
  io: Io,
  options: Pick<FollowOptions, 'quiet' | 'summaryExport'>,
): Promise<void> => {
  const own = await run.handleSummary();
  if (own === null) {
    if (!options.quiet) io.out(`${summaryText(summary, io.colors)}\n`);
    else if (summary.run.exitCode !== EXIT.passed) io.err(`${verdictText(summary, io.colors)}\n`);
  } else {
    for (const [target, text] of Object.entries(own)) await deliver(target, text, io);
  }
  if (options.summaryExport !== undefined) {
    await writeText(resolve(io.cwd, options.summaryExport), `${JSON.stringify(summary, null, 2)}\n`);
  }
};

/** `stdout`, `stderr`, or a file below the working folder: the author's code ran on another machine. */
const deliver = async (target: string, text: string, io: Io): Promise<void> => {
  if (target === 'stdout') return io.out(text);
  if (target === 'stderr') return io.err(text);
  const path = resolve(io.cwd, target);
  if (isAbsolute(target) || !path.startsWith(io.cwd + sep)) {
    io.err(`handleSummary wants to write ${target}, which is outside this folder: not written\n`);
    return;
  }
  await writeText(path, text);
};

const writeText = async (path: string, text: string): Promise<void> => {
  await writeFile(path, text).catch((cause: NodeJS.ErrnoException) => {
    throw new MusterError(
      cause.code === 'ENOSPC' ? 'DISK_FULL' : 'BAD_CONFIG',
      `can't write ${path}: ${cause.message}`,
      { cause },
    );
  });
};
