import { describe, expect, it } from 'vitest';
import { OTHER_RUN, RUN, Stage } from '../../test/support/stage.js';

const OFFSET_MS = 5_000;
const grants = (stage: Stage) => stage.done('workers.grant').map(({ generation, until }) => [generation, until]);

describe('the right to load', () => {
  it('is told to the workers on this machine’s clock, less the bound of the clock’s error', () => {
    const stage = new Stage().running().forgetEffects();
    stage.advance(100);
    stage.grant(1, stage.nowMs + OFFSET_MS + 1_500);
    // Exact beats: only drift since the last one bounds the error.
    const until = stage.done('workers.grant')[0]?.until ?? 0;
    expect(until).toBeLessThanOrEqual(stage.nowMs + 1_500);
    expect(until).toBeGreaterThan(stage.nowMs + 1_499.9);
  });

  it('counts only for a plan that is held, and for this run', () => {
    const stage = new Stage().running().forgetEffects();
    stage.advance(10).grant(2);
    expect(grants(stage)).toEqual([]);
    stage.say({
      type: 'beat',
      seq: 99,
      sentMs: stage.nowMs,
      receivedMs: stage.nowMs + OFFSET_MS,
      answeredMs: stage.nowMs + OFFSET_MS,
      grant: { run: OTHER_RUN, generation: 1, untilMs: stage.nowMs + OFFSET_MS + 1_500 },
    });
    expect(grants(stage)).toEqual([]);
    stage.plan(2, { fromMs: 60_000 }).grant(1);
    expect(grants(stage)).toHaveLength(1);
  });

  it('ends where the next plan begins', () => {
    const stage = new Stage().running();
    const startAtMs = stage.nowMs + OFFSET_MS;
    stage
      .plan(2, { fromMs: 1_000, startAtMs })
      .forgetEffects()
      .advance(1)
      .grant(1, startAtMs + 5_000);
    // The grant of a lease that was given before the plan came holds: the broker chose the instant behind it.
    expect(grants(stage)).toEqual([]);
    stage.grant(2, startAtMs + 2_500);
    expect(grants(stage)).toEqual([[2, expect.closeTo(stage.nowMs - 1 + 2_500, 1)]]);
    stage.forgetEffects().grant(1, startAtMs + 9_000);
    expect(grants(stage)).toEqual([]);
  });

  it('is not given for a plan whose start can’t be placed yet', () => {
    const stage = new Stage();
    const { broker } = stage;
    stage.broker = null;
    stage.event({ type: 'start' }).event({ type: 'link.up' }).welcome().prepare().plan(0);
    expect(stage.last('ready').run).toBe(RUN);
    stage.plan(1, { startAtMs: stage.nowMs + OFFSET_MS });
    expect(stage.view.run).toMatchObject({ state: 'ready', generation: 0 });
    stage.broker = broker;
    stage.advance(500);
    expect(stage.view.run).toMatchObject({ state: 'running', generation: 1 });
    expect(stage.last('plan.ack').generation).toBe(1);
  });

  it('runs out quietly when the broker falls silent', () => {
    const stage = new Stage().running();
    stage.broker = null;
    stage.forgetEffects().advance(30_000);
    expect(grants(stage)).toEqual([]);
    expect(stage.view.run?.state).toBe('running');
    expect(stage.done('probe').length).toBeGreaterThan(10);
  });
});

describe('the orphan lease', () => {
  const orphaned = (stage: Stage) => {
    stage.broker = null;
    stage.advance(800).forgetEffects();
    return stage.event({ type: 'link.refused' });
  };

  it('draws the right out while the broker’s port refuses connections, to its end and no further', () => {
    const stage = new Stage().running({ orphan: { mode: 'continue', leaseMs: 10_000 } });
    const heardMs = stage.nowMs;
    orphaned(stage);
    expect(grants(stage)).toEqual([[1, stage.nowMs + 1_500]]);
    stage.advance(5_000);
    expect(grants(stage).length).toBeGreaterThanOrEqual(10);
    stage.advance(4_150);
    expect(stage.view.run?.state).toBe('running');
    stage.advance(100);
    expect(stage.view.run?.state).toBe('stopping');
    expect(Math.max(...stage.done('workers.grant').map(({ until }) => until))).toBe(heardMs + 10_000);
  });

  it('never begins by silence, nor when the right was over already', () => {
    const stage = new Stage().running();
    stage.broker = null;
    stage.advance(1_600).forgetEffects();
    stage.event({ type: 'link.refused' }).advance(5_000);
    expect(grants(stage)).toEqual([]);
    expect(stage.view.run?.state).toBe('running');
  });

  it('stops the load at once when the run is told to', () => {
    const stage = orphaned(new Stage().running({ orphan: { mode: 'stop', leaseMs: 10_000 } }));
    expect(grants(stage)).toEqual([]);
    expect(stage.ordered('stop')).toHaveLength(2);
  });

  it('is over when a broker is there again: from then on only that one grants', () => {
    const stage = orphaned(new Stage().running());
    stage.broker = { boot: 'c'.repeat(32), offsetMs: OFFSET_MS, grant: null };
    stage.advance(500).event({ type: 'link.up' }).forgetEffects().advance(20_000);
    expect(grants(stage)).toEqual([]);
    stage.broker.grant = { run: RUN, generation: 1, untilMs: stage.nowMs + OFFSET_MS + 2_000 };
    stage.advance(500);
    expect(grants(stage)).toHaveLength(1);
  });

  it('ends the run on this agent when the load is over and nobody came', () => {
    const stage = orphaned(new Stage().running({ orphan: { mode: 'continue', leaseMs: 5_000 } }));
    stage.advance(4_300);
    expect(stage.view.run?.state).toBe('stopping');
    stage.news(0, { type: 'done', outcome: 'stopped' }).news(1, { type: 'done', outcome: 'stopped' });
    expect(stage.view.run?.state).toBe('finished');
    stage.broker = { boot: 'c'.repeat(32), offsetMs: 0, grant: null };
    stage.forgetEffects().event({ type: 'link.up' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped' });
  });
});
