import colors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { onInterrupts } from './interrupts.js';
import type { Io } from './io.js';

const stage = (terminal: boolean, mayDetach: boolean) => {
  const said: string[] = [];
  let press = (): void => undefined;
  let answer: (text: string) => void = () => undefined;
  const io: Io = {
    out: (text) => said.push(text),
    err: (text) => said.push(text),
    terminal,
    columns: () => 80,
    env: {},
    cwd: '/',
    colors: colors.createColors(false),
    onInterrupt: (listener) => {
      press = listener;
      return () => {
        press = () => undefined;
      };
    },
    ask: (question) => {
      said.push(question.trim());
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  };
  const interrupts = onInterrupts(io, {
    mayDetach,
    stop: async () => said.push('stop'),
    note: (text) => said.push(text),
    hold: () => {
      said.push('hold');
      return () => said.push('go on');
    },
    kill: () => said.push('kill'),
  });
  return { said, interrupts, press: () => press(), answer: (text: string) => answer(text) };
};
const QUESTION = '(s)top the run or (d)etach from it?';
const STOPPING = 'stopping the run; press Ctrl-C again to kill this command';

describe('Ctrl-C', () => {
  it('stops a run that would die with the command, and one in a pipe', async () => {
    for (const [terminal, mayDetach] of [
      [true, false],
      [false, true],
    ] as const) {
      const { said, interrupts, press } = stage(terminal, mayDetach);
      press();
      expect(said).toEqual([STOPPING, 'stop']);
      expect(interrupts.stopped()).toBe(true);
    }
  });

  it('asks on a terminal, where nothing is drawn over the question, and leaves the run alone when told so', async () => {
    const { said, interrupts, press, answer } = stage(true, true);
    press();
    expect(said).toEqual(['hold', QUESTION]);
    answer('d');
    await expect(interrupts.detached).resolves.toBe('detached');
    expect(said).toEqual(['hold', QUESTION, 'go on']);
    expect(interrupts.stopped()).toBe(false);
  });

  it('kills the command when pressed again', () => {
    const { said, press } = stage(true, false);
    press();
    press();
    expect(said).toEqual([STOPPING, 'stop', 'kill']);
  });

  it('stops the run on any other answer', async () => {
    const { said, press, answer } = stage(true, true);
    press();
    answer('');
    await expect.poll(() => said).toEqual(['hold', QUESTION, 'go on', STOPPING, 'stop']);
  });
});
