import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EffectQueue, type QueuedEffect } from './effect-queue.js';

describe('the effect queue', () => {
  it('performs in order, and nothing before the saves that stand before it are on disk', async () => {
    const effect = fc.oneof(
      fc.constant('save' as const),
      fc.integer({ min: 0, max: 9 }).map((n) => n),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(effect, { maxLength: 6 }), { maxLength: 8 }),
        fc.nat(),
        async (turns, lazy) => {
          const onDisk = new Set<number>();
          const pending: (() => void)[] = [];
          const performed: { id: number; needs: number }[] = [];
          let saves = 0;
          const queue = new EffectQueue<{ id: number; needs: number }>({
            save: () =>
              new Promise((resolve) => {
                const number = saves;
                saves += 1;
                pending.push(() => {
                  onDisk.add(number);
                  resolve();
                });
              }),
            perform: (each) => {
              for (let n = 0; n < each.needs; n += 1) expect(onDisk.has(n)).toBe(true);
              performed.push(each);
            },
            failed: (thrown) => {
              throw thrown;
            },
          });
          let id = 0;
          let needs = 0;
          for (const [index, turn] of turns.entries()) {
            queue.push(
              turn.map((each): QueuedEffect<{ id: number; needs: number }> => {
                if (each === 'save') {
                  needs += 1;
                  return { save: { key: 'k', value: needs } };
                }
                id += 1;
                return { perform: { id, needs } };
              }),
            );
            if ((index + lazy) % 3 === 0) pending.shift()?.();
            await Promise.resolve();
          }
          while (pending.length > 0) pending.shift()?.();
          await queue.settled();
          expect(performed.map((each) => each.id)).toEqual(Array.from({ length: id }, (_, n) => n + 1));
        },
      ),
    );
  });

  it('goes on when one effect fails', () => {
    const done: number[] = [];
    const failed: unknown[] = [];
    const queue = new EffectQueue<number>({
      save: () => Promise.resolve(),
      perform: (n) => {
        if (n === 2) throw new Error('two');
        done.push(n);
      },
      failed: (thrown) => failed.push(thrown),
    });
    queue.push([{ perform: 1 }, { perform: 2 }, { perform: 3 }]);
    expect(done).toEqual([1, 3]);
    expect(failed).toHaveLength(1);
  });
});
