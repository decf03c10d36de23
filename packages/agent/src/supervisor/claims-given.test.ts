import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaimsGiven } from './claims-given.js';

describe('what workers confirm of what the agent was given', () => {
  it('counts only the unbroken beginning', () => {
    const claims = new ClaimsGiven();
    claims.give(0, 10);
    claims.give(1, 10);
    claims.confirm(1, 10);
    expect(claims.confirmed).toBe(0);
    claims.confirm(0, 4);
    expect(claims.confirmed).toBe(4);
    claims.confirm(0, 10);
    expect(claims.confirmed).toBe(20);
  });

  it('is never more than any worker has really used of that beginning', () => {
    const step = fc.oneof(
      fc.record({ give: fc.nat({ max: 3 }), count: fc.nat({ max: 20 }) }),
      fc.record({ confirm: fc.nat({ max: 3 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const claims = new ClaimsGiven();
        /** Per index in the order given: who has it. */
        const owners: number[] = [];
        const used = [0, 0, 0, 0];
        for (const each of steps) {
          if ('give' in each) {
            claims.give(each.give, each.count);
            owners.push(...Array.from({ length: each.count }, () => each.give));
          } else {
            const owned = owners.filter((owner) => owner === each.confirm).length;
            used[each.confirm] = Math.max(used[each.confirm] ?? 0, Math.floor(owned * each.share));
            claims.confirm(each.confirm, used[each.confirm] ?? 0);
          }
          const seen = [0, 0, 0, 0];
          let unbroken = 0;
          for (const owner of owners) {
            seen[owner] = (seen[owner] ?? 0) + 1;
            if ((seen[owner] ?? 0) > (used[owner] ?? 0)) break;
            unbroken += 1;
          }
          expect(claims.confirmed).toBe(unbroken);
        }
      }),
    );
  });
});
