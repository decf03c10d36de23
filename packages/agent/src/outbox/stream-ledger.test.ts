import type { StreamId } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamLedger } from './stream-ledger.js';

const STREAM = 'x' as StreamId;

describe('the ledger of a stream', () => {
  it('sends nothing that is not written, unless it is told to', () => {
    const ledger = new StreamLedger(STREAM);
    ledger.append(10, false);
    expect(ledger.nextToSend(false)).toBeNull();
    expect(ledger.nextToSend(true)).toBe(10);
    ledger.wrote(0);
    expect(ledger.nextToSend(false)).toBe(10);
  });

  it('goes on where an earlier boot stopped', () => {
    const ledger = new StreamLedger(STREAM, 7, [5, 6], false);
    expect([ledger.next, ledger.acked, ledger.heldBytes, ledger.settled]).toEqual([9, 6, 11, false]);
    expect(ledger.append(4, true)).toBe(9);
    ledger.wrote(9);
    ledger.ack(9);
    expect([ledger.heldBytes, ledger.settled]).toEqual([0, true]);
  });

  it('agrees with a plain list under any order of appends, writes, sends, acknowledgements and rewinds', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ wrote: fc.nat({ max: 400 }) }),
      fc.record({ send: fc.constant(true) }),
      fc.record({ ack: fc.nat({ max: 400 }) }),
      fc.record({ rewind: fc.nat({ max: 400 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const ledger = new StreamLedger(STREAM);
        const sizes: number[] = [];
        let [acked, sent, written] = [-1, -1, -1];
        for (const each of steps) {
          if ('append' in each) {
            expect(ledger.append(each.append, false)).toBe(sizes.length);
            sizes.push(each.append);
          } else if ('wrote' in each) {
            ledger.wrote(each.wrote);
            written = Math.max(written, Math.min(each.wrote, sizes.length - 1));
          } else if ('send' in each) {
            const can = sent + 1 <= written;
            expect(ledger.nextToSend(false)).toBe(can ? sizes[sent + 1] : null);
            if (can) {
              expect(ledger.send()).toBe(sent + 1);
              sent += 1;
            }
          } else if ('ack' in each) {
            const upTo = Math.min(each.ack, sizes.length - 1);
            expect(ledger.ack(each.ack)).toBe(upTo > acked);
            acked = Math.max(acked, upTo);
            sent = Math.max(sent, acked);
          } else {
            ledger.rewind(each.rewind);
            sent = Math.min(sent, Math.max(each.rewind, acked + 1) - 1);
          }
          const sum = (from: number, to: number) => sizes.slice(from, to).reduce((all, size) => all + size, 0);
          expect([ledger.next, ledger.acked, ledger.sent, ledger.written]).toEqual([
            sizes.length,
            acked,
            sent,
            written,
          ]);
          expect(ledger.heldBytes).toBe(sum(acked + 1, sizes.length));
          expect(ledger.inFlightBytes).toBe(sum(acked + 1, sent + 1));
        }
      }),
    );
  });
});
