import { describe, expect, it } from 'vitest';
import { BROKER_BOOT, RUN, STREAM, Stage } from '../../test/support/stage.js';

describe('the link to the broker', () => {
  it('asks for the broker first, then says hello, and again until it is welcome', () => {
    const stage = new Stage();
    stage.broker = null;
    stage.event({ type: 'start' });
    expect(stage.done('connect')).toHaveLength(1);
    expect(stage.sent('hello')).toHaveLength(0);
    stage.event({ type: 'link.up' });
    expect(stage.last('hello')).toMatchObject({ node: 'node-1', run: null, streams: [], protocol: [1, 1] });
    stage.advance(1_100);
    expect(stage.sent('hello')).toHaveLength(3);
    stage.welcome();
    expect(stage.view.link).toBe('up');
  });

  it('beats eight times at once, one after the other, then each 500 ms', () => {
    const stage = new Stage().signedOn();
    expect(stage.sent('beat').map((beat) => beat.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(stage.sent('beat')[0]?.clock).toBeNull();
    expect(stage.sent('beat')[1]?.clock).toEqual({ offsetMs: 5_000, boundMs: 0 });
    stage.advance(2_000);
    expect(stage.sent('beat')).toHaveLength(12);
  });

  it('goes on with the eight at the next beat when an answer is lost', () => {
    const stage = new Stage();
    stage.event({ type: 'start' }).event({ type: 'link.up' });
    const { broker } = stage;
    stage.event({ type: 'link.up' });
    stage.broker = null;
    stage.welcome('c'.repeat(32)).forgetEffects();
    stage.broker = broker;
    stage.advance(500);
    expect(stage.sent('beat').length).toBeGreaterThan(1);
  });

  it('tries the port when beats stay unanswered, and asks the frontend after two seconds', () => {
    const stage = new Stage().signedOn().forgetEffects();
    stage.broker = null;
    stage.advance(700);
    expect(stage.done('probe')).toHaveLength(0);
    stage.advance(100);
    expect(stage.done('probe')).toHaveLength(1);
    expect(stage.done('connect')).toHaveLength(0);
    stage.advance(1_300);
    expect(stage.done('connect')).toHaveLength(1);
    expect(stage.view.link).toBe('up');
  });

  it('tries the port at once when the transport lost its connection', () => {
    const stage = new Stage().signedOn().forgetEffects().event({ type: 'link.dropped' });
    expect(stage.done('probe')).toHaveLength(1);
  });

  it('keeps asking as long as it lives', () => {
    const stage = new Stage();
    stage.broker = null;
    stage.event({ type: 'start' });
    for (let n = 1; n <= 50; n += 1) {
      stage.event(n % 2 === 0 ? { type: 'link.refused' } : { type: 'link.silent', why: 'a test' });
      stage.advance(500);
      expect(stage.done('connect')).toHaveLength(n + 1);
    }
    stage.advance(10_000);
    expect(stage.done('connect')).toHaveLength(52);
  });

  it('is told of a refusal, and asks again later: the broker may be another one then', () => {
    const stage = new Stage();
    stage.broker = null;
    stage.event({ type: 'start' }).event({ type: 'link.up' });
    stage.say({ type: 'refuse', code: 'VERSION_MISMATCH', message: 'versions 3 to 4', protocol: [3, 4] });
    expect(stage.done('log').at(-1)).toMatchObject({ level: 'error' });
    expect(stage.view.link).toBe('down');
    stage.forgetEffects().advance(4_900);
    expect(stage.done('connect')).toHaveLength(0);
    stage.advance(100);
    expect(stage.done('connect')).toHaveLength(1);
  });

  it('says hello again to a broker that does not know it any more', () => {
    const stage = new Stage().running().forgetEffects();
    stage.say({ type: 'refuse', code: 'AGENT_UNKNOWN', message: 'who?', protocol: [1, 1] });
    expect(stage.last('hello').run).toEqual({ run: RUN, generation: 1 });
    expect(stage.view.link).toBe('up');
  });

  it('names its run and its streams to a broker that was restarted, and sends everything again', () => {
    const stage = new Stage().running().window(0, 0).window(0, 1);
    stage.say({ type: 'ack', stream: STREAM, upTo: 0 }).forgetEffects();
    stage.pushed.length = 0;
    stage.broker = { boot: 'c'.repeat(32), offsetMs: 77_000, grant: null };
    stage.event({ type: 'link.up' });
    expect(stage.last('hello')).toMatchObject({
      run: { run: RUN, generation: 1 },
      streams: [{ stream: STREAM, last: 1 }],
    });
    expect(stage.pushed.map(({ header }) => header.number)).toEqual([1]);
    expect(stage.last('plan.ack').generation).toBe(1);
    expect(stage.sent('beat').at(-1)?.clock?.offsetMs).toBe(77_000);
  });

  it('sends everything again on a new connection to the same broker', () => {
    const stage = new Stage().running().window(0, 0);
    stage.pushed.length = 0;
    stage.event({ type: 'link.up' });
    expect(stage.pushed.map(({ header }) => header.number)).toEqual([0]);
  });

  it('takes a second welcome of the same broker for what it is', () => {
    const stage = new Stage().signedOn().forgetEffects().welcome(BROKER_BOOT);
    expect(stage.effects.filter((effect) => effect.type !== 'wake')).toEqual([]);
  });
});
