import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendQueue } from './send-queue.js';

const message = (size: number) => [Buffer.alloc(size)];

describe('a send queue', () => {
  it('gives back what it took, in order, and drops only the oldest beyond its bounds', () => {
    const step = fc.oneof(fc.nat(50), fc.constant('shift' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, messages) => {
        const queue = new SendQueue({ messages, bytes: 100 });
        let model: (readonly Buffer[])[] = [];
        for (const each of steps) {
          if (each === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else {
            const added = message(each);
            model.push(added);
            const gone = queue.push(added);
            expect(gone).toEqual(model.slice(0, gone.length));
            model = model.slice(gone.length);
          }
          const bytes = model.reduce((sum, [frame]) => sum + (frame?.byteLength ?? 0), 0);
          expect(queue.length).toBe(model.length);
          expect(queue.bytes).toBe(bytes);
          expect(model.length <= messages && (bytes <= 100 || model.length === 1)).toBe(true);
        }
      }),
    );
  });

  it('keeps one message that alone is over the bound', () => {
    const queue = new SendQueue({ messages: 10, bytes: 10 });
    queue.push(message(1));
    expect(queue.push(message(11))).toHaveLength(1);
    expect(queue.length).toBe(1);
  });
});
