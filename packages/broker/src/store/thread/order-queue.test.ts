import { describe, expect, it } from 'vitest';
import { OrderQueue } from './order-queue.js';

const order = (id: number) => ({ do: 'close', id }) as const;

describe('the queue of orders of the thread', () => {
  it('keeps their order, those too that come while it waits for its turn', async () => {
    const added: number[] = [];
    const begun: number[] = [];
    const queue = new OrderQueue(({ id }) => {
      begun.push(id);
      const endMs = performance.now() + 3;
      while (performance.now() < endMs);
    });
    for (let id = 0; id < 12; id += 1) {
      // Some in one turn, some a turn later, while those before may still wait.
      if (id % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
      added.push(id);
      queue.add(order(id));
    }
    while (begun.length < added.length) await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual(added);
  });

  it('lets others have their turn while many wait', async () => {
    let begun = 0;
    const queue = new OrderQueue(() => {
      begun += 1;
      const endMs = performance.now() + 2;
      while (performance.now() < endMs);
    });
    for (let id = 0; id < 50; id += 1) queue.add(order(id));
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBeGreaterThan(0);
    expect(begun).toBeLessThan(50);
  });
});
