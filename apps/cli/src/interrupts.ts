import { MusterError } from '@muster/protocol';
import type { Io } from './io.js';

/** What Ctrl-C does to a run that is followed. */
export interface InterruptOptions {
  /** False in a cluster of its own: it would die with this process. */
  readonly mayDetach: boolean;
  /** Asks the broker to stop the run. */
  readonly stop: () => Promise<unknown>;
  /** Says a line to the user. */
  readonly note: (text: string) => void;
  /** Draws nothing while a question stands on the terminal; the answer lets the drawing go on. */
  readonly hold: () => () => void;
  /** Ends this process at once. @default by SIGINT */
  readonly kill?: () => void;
}

/** While a run is followed. */
export interface Interrupts {
  /** Resolves when the user chose to leave the run alone. */
  readonly detached: Promise<'detached'>;
  /** Whether the user asked for the run's end. */
  readonly stopped: () => boolean;
  readonly off: () => void;
}

/**
 * By the signal itself, with nobody left to catch it: an orderly exit would first join the threads of a store that is
 * writing, and those end the process with a crash.
 */
const killThis = (): void => {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
};

/**
 * Ctrl-C stops the run; on a terminal it asks first, if the run can go on without us. A second one ends this process at
 * once.
 */
export const onInterrupts = (
  io: Io,
  { mayDetach, stop, note, hold, kill = killThis }: InterruptOptions,
): Interrupts => {
  let count = 0;
  let stopped = false;
  let detach: (how: 'detached') => void = () => undefined;
  const detached = new Promise<'detached'>((resolve) => {
    detach = resolve;
  });
  const stopRun = async () => {
    stopped = true;
    note('stopping the run; press Ctrl-C again to kill this command');
    await stop().catch((thrown: unknown) => note(MusterError.from(thrown).message));
  };
  const ask = async () => {
    const goOn = hold();
    const answer = await io.ask('\n(s)top the run or (d)etach from it? ');
    goOn();
    if (answer.startsWith('d')) detach('detached');
    else await stopRun();
  };
  const off = io.onInterrupt(() => {
    count += 1;
    if (count > 1) return kill();
    void (io.terminal && mayDetach ? ask() : stopRun());
  });
  return { detached, stopped: () => stopped, off };
};
