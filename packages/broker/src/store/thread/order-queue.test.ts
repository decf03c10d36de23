import { describe, expect, it } from 'vitest';
import { OrderQueue } from './order-queue.js';

const order = (id: number) => ({ do: 'close', id }) as const;

describe('the queue of orders of the thread', () => {
  it('keeps their order, those too that come while it waits for its turn', async () => {
    const begun: number[] = [];
    const queue = new OrderQueue(({ id }) => {
      begun.push(id);
      const endMs = performance.now() + 3;
      while (performance.now() < endMs);
      if (id === 2) queue.add(order(9));
    });
    for (const id of [1, 2, 3, 4, 5]) queue.add(order(id));
    while (begun.length < 6) await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual([1, 2, 3, 4, 5, 9]);
    queue.add(order(10));
    while (begun.length < 7) await new Promise((resolve) => setImmediate(resolve));
    expect(begun.at(-1)).toBe(10);
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
