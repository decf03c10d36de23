import type { Progress } from '@muster/protocol';
import { createLogUpdate } from 'log-update';
import type { Io } from '../io.js';
import { progressBlock, progressLine } from './progress.js';

/** Shows a run while it goes on. */
export interface LiveView {
  show(progress: Progress): void;
  /** A line that stays, above what is drawn. */
  note(text: string): void;
  /** Leaves the terminal to a question: nothing is drawn until what is returned is called. */
  hold(): () => void;
  done(): void;
}

/** Seconds between two lines when the output is no terminal. */
const PLAIN_EVERY_S = 3;

/** On a terminal a block that is drawn over; else a line every few seconds; nothing when quiet. */
export const liveView = (io: Io, quiet: boolean): LiveView => {
  if (quiet)
    return { show: () => undefined, note: () => undefined, hold: () => () => undefined, done: () => undefined };
  return io.terminal ? terminalView(io) : plainView(io);
};

const plainView = (io: Io): LiveView => {
  let lastS = Number.NEGATIVE_INFINITY;
  let lastState = '';
  return {
    show: (progress) => {
      const second = progress.atMs / 1_000;
      if (progress.state === lastState && second - lastS < PLAIN_EVERY_S - 0.5) return;
      lastS = second;
      lastState = progress.state;
      io.out(`${progressLine(progress)}\n`);
    },
    note: (text) => io.out(`${text}\n`),
    hold: () => () => undefined,
    done: () => undefined,
  };
};

const terminalView = (io: Io): LiveView => {
  const draw = createLogUpdate(process.stdout);
  let held: string[] | null = null;
  const note = (text: string) => {
    if (held !== null) {
      held.push(text);
      return;
    }
    draw.clear();
    io.out(`${text}\n`);
  };
  return {
    show: (progress) => {
      if (held === null) draw(progressBlock(progress, io.colors, io.columns()));
    },
    note,
    hold: () => {
      draw.done();
      held = [];
      return () => {
        const said = held ?? [];
        held = null;
        for (const text of said) note(text);
      };
    },
    done: () => draw.done(),
  };
};
