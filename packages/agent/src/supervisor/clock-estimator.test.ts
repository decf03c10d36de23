import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockEstimator } from './clock-estimator.js';

const DRIFT = 100e-6;

describe('the estimate of the broker’s clock', () => {
  it('is none before the first answer', () => {
    expect(new ClockEstimator(DRIFT).at(0)).toBeNull();
  });

  it('comes from the beat with the least round trip', () => {
    const clock = new ClockEstimator(0);
    clock.add({ sentMs: 0, receivedMs: 1_050, answeredMs: 1_051, arrivedMs: 101 });
    clock.add({ sentMs: 200, receivedMs: 1_201, answeredMs: 1_201, arrivedMs: 202 });
    clock.add({ sentMs: 300, receivedMs: 1_390, answeredMs: 1_390, arrivedMs: 400 });
    expect(clock.at(400)).toEqual({ offsetMs: 1_000, boundMs: 1 });
  });

  it('looks back on 16 beats', () => {
    const clock = new ClockEstimator(0);
    clock.add({ sentMs: 0, receivedMs: 500, answeredMs: 500, arrivedMs: 0 });
    for (let n = 1; n <= 15; n += 1)
      clock.add({ sentMs: n * 100, receivedMs: n * 100 + 5, answeredMs: n * 100 + 5, arrivedMs: n * 100 + 10 });
    expect(clock.at(1_500)?.offsetMs).toBe(500);
    clock.add({ sentMs: 1_600, receivedMs: 1_605, answeredMs: 1_605, arrivedMs: 1_610 });
    expect(clock.at(1_610)).toEqual({ offsetMs: 0, boundMs: 5 });
  });

  it('takes no stamps that can not be', () => {
    const clock = new ClockEstimator(DRIFT);
    clock.add({ sentMs: 100, receivedMs: 0, answeredMs: 0, arrivedMs: 50 });
    clock.add({ sentMs: 0, receivedMs: 10, answeredMs: 5, arrivedMs: 50 });
    clock.add({ sentMs: 0, receivedMs: 0, answeredMs: 80, arrivedMs: 50 });
    expect(clock.at(100)).toBeNull();
  });

  it('holds within its bound, whatever the two ways take and however the clocks drift', () => {
    const way = fc.double({ min: 0, max: 200, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: -DRIFT, max: DRIFT, noNaN: true }),
        fc.array(fc.record({ there: way, work: way, back: way, pause: way }), { minLength: 1, maxLength: 40 }),
        (offset, rate, beats) => {
          const clock = new ClockEstimator(DRIFT * 1.01);
          const brokerAt = (agentMs: number) => agentMs * (1 + rate) + offset;
          let nowMs = 1_000;
          for (const { there, work, back, pause } of beats) {
            const sentMs = nowMs;
            const receivedMs = brokerAt(sentMs + there);
            const answeredMs = brokerAt(sentMs + there + work);
            nowMs = sentMs + there + work + back;
            clock.add({ sentMs, receivedMs, answeredMs, arrivedMs: nowMs });
            nowMs += pause;
            const estimate = clock.at(nowMs);
            const truth = brokerAt(nowMs) - nowMs;
            // Doubles round at a million milliseconds; the drift of the drift is left out.
            const slack = 1e-6 + DRIFT * DRIFT * nowMs;
            if (estimate === null) continue;
            expect(Math.abs(estimate.offsetMs - truth)).toBeLessThanOrEqual(estimate.boundMs + slack);
          }
        },
      ),
    );
  });
});
