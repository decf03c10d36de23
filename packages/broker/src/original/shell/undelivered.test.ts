import type { Frame } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { Undelivered } from './undelivered.js';

const stage = () => {
  const sent: Frame[][] = [];
  const unreachable: string[] = [];
  const clock = { now: 0 };
  const undelivered = new Undelivered({
    send: (frames) => void sent.push(frames),
    unreachable: (agent, command) => void unreachable.push(`${agent} ${command}`),
    now: () => clock.now,
  });
  const frames = (text: string): Frame[] => [Buffer.from('vm-1'), Buffer.from(text)];
  const texts = () => sent.map((each) => String(each[1]));
  return { undelivered, sent, texts, unreachable, clock, frames };
};

describe('what can not be delivered to an agent', () => {
  it('is tried again, and what comes later waits behind it', () => {
    const { undelivered, sent, texts, frames, unreachable } = stage();
    undelivered.send('vm-1', 'RUN', frames('run'));
    expect(undelivered.unsent(sent[0] ?? [])).toBe(true);
    undelivered.send('vm-1', '_STATUS', frames('status'));
    expect(texts()).toEqual(['run']);
    undelivered.tick();
    expect(texts()).toEqual(['run', 'run', 'status']);
    expect(unreachable).toEqual([]);
  });

  it('is given up after a while, and the agent is said to be away', () => {
    const { undelivered, sent, unreachable, clock, frames } = stage();
    undelivered.send('vm-1', 'RUN', frames('run'));
    for (; clock.now <= 3_000; clock.now += 100) {
      const last = sent.at(-1);
      if (last !== undefined && sent.length > clock.now / 100) undelivered.unsent(last);
      undelivered.tick();
    }
    expect(unreachable).toEqual(['vm-1 RUN']);
    undelivered.tick();
    expect(unreachable).toEqual(['vm-1 RUN']);
  });

  it('is told at once when it was only a look whether the agent is there', () => {
    const { undelivered, sent, unreachable, frames } = stage();
    undelivered.send('vm-1', 'STATUS', frames('look'));
    expect(undelivered.unsent(sent[0] ?? [])).toBe(true);
    expect(unreachable).toEqual(['vm-1 STATUS']);
  });

  it('is none of these when somebody else sent it', () => {
    const { undelivered, frames } = stage();
    expect(undelivered.unsent(frames('beat'))).toBe(false);
  });
});
