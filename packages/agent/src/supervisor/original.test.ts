import type { BrokerMessage, OriginalOrder } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { AGENT, OTHER_RUN, RUN, Stage } from '../../test/support/stage.js';
import type { ExternalEffect, ExternalEvent } from '../original/events.js';

const order = (id: string, message: OriginalOrder): BrokerMessage => ({ type: 'original', id, message });
const run: OriginalOrder = { command: 'RUN', run_id: 'r1', args: { test_runner: './go' } };
const effects = (stage: Stage): readonly ExternalEffect[] => stage.done('external').map(({ effect }) => effect);
const answers = (stage: Stage) => effects(stage).flatMap((effect) => (effect.type === 'answer' ? [effect] : []));
const happens = (stage: Stage, event: ExternalEvent): Stage => stage.event({ type: 'external', event });
const place = {
  backend: 'tcp://127.0.0.1:1',
  receiver: 'tcp://127.0.0.1:2',
  register: 'tcp://127.0.0.1:3',
  heartbeat: null,
};

const busy = (): Stage => {
  const stage = new Stage().signedOn().say(order('q1', run));
  happens(stage, { type: 'prepared', job: 1 });
  return happens(stage, { type: 'started', job: 1, process: 1, pid: 42 });
};
const ends = (stage: Stage): Stage => {
  happens(stage, { type: 'ended', job: 1, process: 1, left: false, fault: null });
  return stage.advance(1_000);
};

describe('an agent of ours with a run of the original', () => {
  it('answers the broker under the id of its message, as the agent that the broker knows', () => {
    expect(answers(busy())).toEqual([
      {
        type: 'answer',
        to: { native: 'q1' },
        answer: {
          result: { pids: [42], agent_id: AGENT, command: 'RUN' },
          hostname: 'host',
          agent_id: AGENT,
          pid: 1,
        },
      },
    ]);
  });

  it('takes no native run, and says so; takes one when it is free again', () => {
    const stage = busy().prepare();
    expect(stage.last('fault')).toMatchObject({ run: RUN, code: 'AGENT_BUSY', fatal: true });
    expect(stage.last('fault').message).toContain('r1');
    expect(stage.view).toMatchObject({ run: null, original: ['r1'], dialect: 'native' });
    ends(stage).prepare(OTHER_RUN);
    expect(stage.last('prepared')).toMatchObject({ run: OTHER_RUN });
  });

  it('names the run when it signs on again, and no more when that is over', () => {
    const stage = busy().event({ type: 'link.up' });
    expect(stage.last('hello')).toMatchObject({ run: null, original: ['r1'] });
    ends(stage).event({ type: 'link.up' });
    expect(stage.last('hello')).not.toHaveProperty('original');
  });

  it('takes no run of the original while a native one is in progress', () => {
    const stage = new Stage().signedOn().prepare().say(order('q1', run));
    expect(answers(stage)[0]?.answer.error).toMatchObject({ error: expect.stringContaining(RUN) });
  });

  it('takes none when it is drained or told to quit', () => {
    const drained = new Stage().signedOn().say({ type: 'drain' }).say(order('q1', run));
    expect(answers(drained)[0]?.answer.error).toMatchObject({ error: expect.stringContaining('no further run') });
    const leaving = busy().event({ type: 'quit' }).say(order('q2', run));
    expect(answers(leaving).at(-1)?.answer.error).toMatchObject({ error: expect.stringContaining('no further run') });
  });

  it('ends it by the ladder when the agent is told to quit, and leaves then; at once the second time', () => {
    const stage = busy().event({ type: 'quit' });
    expect(effects(stage).at(-1)).toEqual({ type: 'signal', job: 1, process: 1, signal: 'SIGTERM' });
    stage.advance(5_000);
    expect(effects(stage).at(-1)).toMatchObject({ signal: 'SIGKILL' });
    expect(stage.done('exit')).toEqual([]);
    ends(stage);
    expect(stage.done('exit')).toHaveLength(1);
    const hurried = busy().event({ type: 'quit' }).event({ type: 'quit' });
    expect(effects(hurried).at(-1)).toMatchObject({ signal: 'SIGKILL' });
  });
});

describe('an agent that leaves by itself', () => {
  it('waits for a broker of ours for ever, unless it is told to leave when that is lost', () => {
    const patient = new Stage().signedOn();
    patient.broker = null;
    patient.event({ type: 'link.refused' }).advance(3_600_000);
    expect(patient.done('exit')).toEqual([]);
    const impatient = new Stage({ limits: { quitWhenOrphaned: true, brokerLostMs: 30_000 } }).signedOn();
    impatient.broker = null;
    impatient.event({ type: 'link.refused' }).advance(29_000);
    expect(impatient.done('exit')).toEqual([]);
    impatient.event({ type: 'link.refused' }).advance(2_000);
    expect(impatient.done('exit')).toHaveLength(1);
  });

  it('carries on without a broker while it works, and leaves when that is done', () => {
    const stage = new Stage({ limits: { quitWhenOrphaned: true, brokerLostMs: 1_000 } }).signedOn();
    stage.say(order('q1', { ...run, args: { test_runner: './go', duration: 600 } }));
    happens(stage, { type: 'prepared', job: 1 });
    happens(stage, { type: 'started', job: 1, process: 1, pid: 42 });
    stage.broker = null;
    stage.event({ type: 'link.refused' }).advance(60_000);
    expect(stage.done('exit')).toEqual([]);
    ends(stage);
    expect(stage.done('exit')).toHaveLength(1);
  });

  it('leaves when it is as old as it may become, but not from its work', () => {
    const idle = new Stage({ limits: { maxAgeMs: 10_000 } }).signedOn().advance(9_999);
    expect(idle.done('exit')).toEqual([]);
    expect(idle.advance(1).done('exit')).toHaveLength(1);
    const working = new Stage({ limits: { maxAgeMs: 10_000 } }).signedOn().running().advance(20_000);
    expect(working.done('exit')).toEqual([]);
    expect(working.view.service).toBe('taking');
  });
});

describe('an agent of ours at a broker of the original', () => {
  it('asks for no other broker, says nothing natively, and goes by host and process', () => {
    const stage = new Stage().event({ type: 'start' });
    stage
      .event({ type: 'membership', event: { type: 'place', place } })
      .forgetEffects()
      .advance(60_000);
    expect([stage.done('connect'), stage.done('send')]).toEqual([[], []]);
    expect(stage.supervisor.name).toBe('host-1');
    expect(stage.view.dialect).toBe('original');
    happens(stage, { type: 'order', from: { client: null }, order: { command: '_STATUS' } });
    expect(answers(stage)[0]?.answer).toMatchObject({ agent_id: 'host-1', result: { status: {} } });
  });

  it('signs off before it leaves', () => {
    const stage = new Stage().event({ type: 'start' });
    stage.event({ type: 'membership', event: { type: 'place', place } }).event({ type: 'quit' });
    const said = stage.effects.flatMap((effect) =>
      effect.type === 'membership' ? [effect.effect.type] : [effect.type],
    );
    expect(said.slice(said.indexOf('register'))).toEqual(expect.arrayContaining(['register', 'unregister', 'exit']));
    expect(said.indexOf('unregister')).toBeLessThan(said.indexOf('exit'));
  });
});
