import { describe, expect, it } from 'vitest';
import { WriteTurn } from './write-turn.js';

const endOf = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
};

describe('WriteTurn', () => {
  it('settles all that waits, lets the code behind it run, and then writes what that asked for, in one turn', async () => {
    const turn = new WriteTurn();
    const seen: string[] = [];
    const writer = (name: string) => ({
      writeNow: (nowMs: number) => {
        seen.push(`write ${name}`);
        return nowMs;
      },
    });
    const settler = (name: string) => ({
      settleNow: () => {
        seen.push(`settle ${name}`);
        void Promise.resolve().then(async () => {
          await null;
          seen.push(`code ${name}`);
          turn.add(writer(name));
        });
      },
    });
    turn.settle(settler('a'));
    turn.settle(settler('b'));
    turn.add(writer('c'));
    // In this turn's end, before whatever comes in the next one.
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(seen).toEqual(['settle a', 'settle b', 'code a', 'code b', 'write c', 'write a', 'write b']);
  });

  it('forgets nobody who comes while others are settled', async () => {
    const turn = new WriteTurn();
    let settled = 0;
    const settler = {
      settleNow: () => {
        settled += 1;
        if (settled < 5) void Promise.resolve().then(() => turn.settle(settler));
      },
    };
    turn.settle(settler);
    await endOf(() => settled === 5);
    expect(settled).toBe(5);
  });
});
