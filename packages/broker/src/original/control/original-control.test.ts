import { readRegisterInfo } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlStage } from '../../../test/original/control-stage.js';
import { BUILT_IN } from '../../observers/built-in.js';
import { originalObservers } from '../../observers/loads-arguments.js';
import { ObserverBook } from '../../observers/observer-book.js';

const running = (run_id: string) => ({ '10': { status: 'running', run_id } });

/** How agents sign on in the generations that the tests are of. */
const GENERATIONS: readonly (readonly [string, (id: string) => string])[] = [
  ['by bare ids', (id) => id],
  ['as objects', (id) => JSON.stringify({ agent_id: id, pid: 1, hostname: 'vm' })],
];

describe.each(GENERATIONS)(
  'the controller of the original with agents that sign on %s, as its own tests describe it',
  (_, body) => {
    const register = (stage: ControlStage, ...ids: string[]): void => {
      for (const id of ids) stage.do({ type: 'register', info: readRegisterInfo(Buffer.from(body(id))) });
    };

    it('knows an agent that registered, by its bare id too, and forgets one that unregisters while it works', () => {
      const stage = new ControlStage();
      register(stage, '1');
      expect(stage.control.agents().map(({ agent }) => agent)).toEqual(['1']);
      const run = stage.run(1);
      stage.do({ type: 'unregister', agent: '1' });
      expect(stage.control.agents()).toEqual([]);
      expect(stage.runs()).toEqual({});
      expect(stage.metadata[run]).toMatchObject({ active: false });
    });

    it('reserves as many agents as asked for, or none', () => {
      const stage = new ControlStage();
      register(stage, '1', '2');
      expect(stage.ask({ command: 'CTRL_RUN', agents: 10, args: {} })).toEqual({ error: 'Not enough agents' });
      expect(stage.told()).toEqual([]);
      expect(stage.agentsOf(stage.run(2))).toEqual(['1', '2']);
    });

    it('lists the runs that go on, and stops one by its agents alone', () => {
      const stage = new ControlStage();
      register(stage, '1', '2', '3');
      const [run, run2] = [stage.run(1), stage.run(2)];
      expect(Object.keys(stage.runs()).sort()).toEqual([run, run2].sort());
      const [agent] = stage.agentsOf(run);
      expect(stage.ask({ command: 'CTRL_STOP_RUN', run_id: run })).toEqual({ result: [agent] });
      expect(stage.told('STOP')).toEqual([`${agent} STOP`]);
      expect(JSON.stringify(stage.last(agent ?? '', 'STOP').order)).toBe('{"command":"STOP"}');
    });

    it('keeps metadata of a run, and knows to which run rows of its agent belong', () => {
      const stage = new ControlStage();
      register(stage, '1');
      const run = stage.run(1, { some: 'data' });
      expect(stage.metadata[run]).toEqual({
        some: 'data',
        zmq_receiver: 'tcp://r:1',
        started: 1_700_000_001,
        active: true,
      });
      expect(stage.control.runOf('1')).toBe(run);
      expect(stage.control.runOf('2')).toBeNull();
    });

    it('takes observers that there are, by short and long names, and refuses others before anything begins', () => {
      const stage = new ControlStage({ observers: originalObservers(new ObserverBook(BUILT_IN)) });
      register(stage, '1');
      const irc = { observer_irc_server: 'irc.example', observer_irc_channel: '#load' };
      const run = (args: object) => stage.ask({ command: 'CTRL_RUN', agents: 1, args });
      expect(run({ observer: ['irc', 'blah'] })).toEqual({ error: [expect.stringContaining('blah')] });
      expect(run({ observer: ['irc'], ...irc, observer_irc_port: 'x' })).toEqual({
        error: [expect.stringContaining('port')],
      });
      expect(stage.runs()).toEqual({});
      stage.run(1, { observer: ['irc', 'loads.observers.irc'], ...irc });
    });

    it('tells secrets of observers neither to agents nor in metadata, and keeps them for the end', () => {
      const config = { observers: originalObservers(new ObserverBook(BUILT_IN)) };
      const stage = new ControlStage(config);
      register(stage, '1');
      const args = { observer: 'email', observer_email_recipient: 'a@b', observer_email_password: 'hush' };
      const run = stage.run(1, args);
      expect(stage.metadata[run]).toMatchObject({ observer_email_recipient: 'a@b', observer_email_password: '***' });
      expect(stage.last('1', 'RUN').order.args).toMatchObject({
        observer_email_recipient: 'a@b',
        observer_email_password: null,
      });
      const again = new ControlStage(config, stage.saved);
      again.do({ type: 'unregister', agent: '1' });
      expect(again.of('end')[0]?.observers).toEqual({
        names: ['email'],
        options: { email: { recipient: 'a@b', password: 'hush' } },
      });
    });

    it('runs on the one agent that came after a refusal', () => {
      const stage = new ControlStage();
      expect(stage.ask({ command: 'RUN', agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
      register(stage, 'agent1');
      expect(stage.ask({ command: 'RUN', agents: 1, args: {} })).toMatchObject({ result: { agents: ['agent1'] } });
    });

    it('hands a command for an agent on, with every field the client gave', () => {
      const stage = new ControlStage();
      register(stage, '1');
      stage.ask({ command: 'RUN', agents: 1, args: {} });
      expect(stage.ask({ command: 'CTRL_AGENT_STATUS', agents: 1, args: {}, agent_id: '1' })).toEqual({
        result: { status: {}, command: 'STATUS' },
      });
      const { order, client } = stage.last('1', '_STATUS');
      expect(order).toEqual({ command: '_STATUS', args: {}, agents: 1, agent_id: '1' });
      expect(client).toBe('c');
    });

    it('takes the run from agents that do not answer in time, and ends it', () => {
      const stage = new ControlStage({ pollMs: 100, agentTimeoutMs: 500 });
      register(stage, '1', '2');
      const run = stage.run(2);
      stage.pass(200);
      expect(new Set(stage.told('_STATUS'))).toEqual(new Set(['1 _STATUS', '2 _STATUS']));
      expect(stage.agentsOf(run)).toEqual(['1', '2']);
      stage.pass(700);
      expect(stage.told('QUIT').toSorted()).toEqual(['1 QUIT', '2 QUIT']);
      expect(stage.runs()).toEqual({});
      expect(stage.metadata[run]).toMatchObject({ stopped: true, active: false, ended: expect.any(Number) });
      expect(stage.of('end')).toHaveLength(1);
    });
  },
);

describe('a run of the original', () => {
  it('begins when its metadata is kept: nobody is told before, and the saves come first', () => {
    const stage = new ControlStage();
    stage.keeps = false;
    stage.register('1');
    expect(stage.ask({ command: 'CTRL_RUN', agents: 1, args: {} })).toBeUndefined();
    const first = stage.effects.findIndex(({ type }) => type === 'open');
    expect(stage.effects[first - 1]).toMatchObject({ type: 'save', value: { id: 'run-1', step: 'opening' } });
    expect(stage.told('RUN')).toEqual([]);
    expect(stage.ask({ command: 'CTRL_RUN', agents: 1, args: {} }, 'd')).toEqual({ error: 'Not enough agents' });
    const effects = stage.do({ type: 'opened', run: 'run-1', fault: null });
    expect(effects.map(({ type }) => type)).toEqual(['save', 'tell', 'answer']);
  });

  it('does not begin when its metadata can not be kept, and lets its agents go', () => {
    const stage = new ControlStage();
    stage.keeps = false;
    stage.register('1');
    stage.ask({ command: 'CTRL_RUN', agents: 1, args: {} });
    stage.do({ type: 'opened', run: 'run-1', fault: 'the disk is full' });
    expect(stage.answers()).toEqual([{ error: ['the disk is full'] }]);
    expect(stage.told('RUN')).toEqual([]);
    stage.keeps = true;
    expect(stage.agentsOf(stage.run(1))).toEqual(['1']);
  });

  it('is over with its last agent, once, however often that says so', () => {
    const stage = new ControlStage();
    stage.register('1', '2');
    const run = stage.run(2);
    stage.status('1', {});
    expect(stage.agentsOf(run)).toEqual(['2']);
    expect(stage.of('end')).toEqual([]);
    stage.status('2', { '10': 'terminated' });
    stage.status('2', {});
    stage.status('1', {});
    expect(stage.of('end')).toHaveLength(1);
    expect(stage.ask({ command: 'CTRL_STOP_RUN', run_id: run })).toEqual({ result: [] });
  });

  it('goes on while a worker runs, in whatever form an agent says so', () => {
    const stage = new ControlStage();
    stage.register('1');
    const run = stage.run(1);
    stage.status('1', { '10': 'running' });
    stage.status('1', { '9': { status: 'terminated', run_id: run }, ...running(run) });
    expect(stage.agentsOf(run)).toEqual(['1']);
    stage.status('1', running('another'));
    expect(stage.runs()).toEqual({});
  });

  it('is not ended by an answer to a question from before it began', () => {
    const stage = new ControlStage();
    stage.register('1');
    stage.ask({ command: 'CTRL_AGENT_STATUS', agent_id: '1' });
    const run = stage.run(1);
    stage.status('1', {});
    expect(stage.agentsOf(run)).toEqual(['1']);
    stage.pass(2_600);
    stage.status('1', {});
    expect(stage.runs()).toEqual({});
  });

  it('is not ended by the answer to the STOP of an earlier one', () => {
    const stage = new ControlStage();
    stage.register('1');
    const first = stage.run(1);
    stage.ask({ command: 'CTRL_STOP_RUN', run_id: first });
    stage.status('1', {});
    const second = stage.run(1);
    stage.says('1', { command: 'STOP', status: { '10': { status: 'terminated', run_id: first } } });
    expect(stage.agentsOf(second)).toEqual(['1']);
  });

  it('says which agent could not begin, and goes on without it', () => {
    const stage = new ControlStage();
    stage.register('1', '2', '3');
    const run = stage.run(3);
    stage.do({ type: 'answer', agent: '1', client: null, answer: { error: { agent_id: '1', error: 'no python' } } });
    stage.do({ type: 'answer', agent: '3', client: null, answer: { error: 'no file' } });
    expect(stage.agentsOf(run)).toEqual(['2']);
    expect(stage.metadata[run]).toMatchObject({ errors: { '1': 'no python', '3': 'no file' } });
    stage.says('2', { command: 'RUN', pids: [1] });
    stage.do({ type: 'answer', agent: '2', client: null, answer: { error: 'something else' } });
    expect(stage.agentsOf(run)).toEqual(['2']);
  });

  it('loses an agent at once that its RUN can not be delivered to', () => {
    const stage = new ControlStage();
    stage.register('1', '2');
    const run = stage.run(2);
    stage.do({ type: 'unreachable', agent: '1', command: 'RUN' });
    expect(stage.agentsOf(run)).toEqual(['2']);
    expect(stage.control.agents().map(({ agent }) => agent)).toEqual(['2']);
  });

  it('keeps an agent that is away for a moment, and loses one that stays away', () => {
    const stage = new ControlStage({ goneMs: 5_000 });
    stage.register('1');
    const run = stage.run(1);
    stage.do({ type: 'unreachable', agent: '1', command: '_STATUS' });
    stage.nowMs += 4_000;
    stage.status('1', running(run));
    stage.nowMs += 4_000;
    stage.do({ type: 'unreachable', agent: '1', command: '_STATUS' });
    expect(stage.agentsOf(run)).toEqual(['1']);
    stage.nowMs += 5_000;
    stage.do({ type: 'unreachable', agent: '1', command: '_STATUS' });
    expect(stage.runs()).toEqual({});
  });
});

describe('an agent of the original', () => {
  it('is not dropped while it works when the heartbeat makes all sign on again; an idle one is', () => {
    const stage = new ControlStage({ heartbeat: true, beatMs: 10_000, confirmMs: 2_000 });
    stage.register('1', '2', '3');
    const run = stage.run(1);
    const [busy = ''] = stage.agentsOf(run);
    const [silent = '', loud = ''] = ['1', '2', '3'].filter((agent) => agent !== busy);
    for (let beat = 0; beat < 10; beat += 1) {
      stage.pass(5_000);
      stage.status(busy, running(run));
    }
    stage.register(loud);
    stage.pass(5_000);
    expect(stage.of('beat').map(({ text }) => text)).toEqual(['REGISTER', 'BEAT', 'BEAT', 'BEAT', 'BEAT']);
    expect(stage.control.agents().map(({ agent }) => agent)).not.toContain(silent);
    expect(stage.agentsOf(run)).toEqual([busy]);
  });

  it('is refused beyond the bound', () => {
    const stage = new ControlStage({ maxAgents: 2 });
    stage.register('1', '2', '3');
    expect(stage.control.agents()).toHaveLength(2);
  });

  it('that nobody knows is taken in when it answers under its own name, and not for what its workers send', () => {
    const stage = new ControlStage();
    stage.do({ type: 'sent', run: 'x', agent: 'ghost' });
    stage.do({ type: 'answer', agent: 'vm-1', client: null, answer: { result: {}, agent_id: 'vm-2', pid: 1 } });
    expect(stage.control.agents()).toEqual([]);
    stage.do({ type: 'answer', agent: 'vm-1', client: null, answer: { result: {}, agent_id: 'vm-1', pid: 1 } });
    expect(stage.control.agents()).toEqual([{ agent: 'vm-1', pid: 1, hostname: null, confirmByMs: null }]);
  });

  it('whose rows show that it works has part in that run, unless the run is over or it works for another', () => {
    const stage = new ControlStage();
    stage.register('1', '2');
    stage.do({ type: 'sent', run: 'elsewhere', agent: '1' });
    expect(stage.agentsOf('elsewhere')).toEqual(['1']);
    const run = stage.run(1);
    stage.do({ type: 'sent', run: 'elsewhere', agent: '2' });
    expect(stage.agentsOf('elsewhere')).toEqual(['1']);
    stage.status('2', {});
    stage.do({ type: 'sent', run, agent: '2' });
    stage.do({ type: 'sent', run: '../elsewhere', agent: '2' });
    expect(Object.keys(stage.runs())).toEqual(['elsewhere']);
    expect(stage.of('end')).toHaveLength(1);
  });

  it('that left while it was told to quit is answered for', () => {
    const stage = new ControlStage();
    stage.register('1');
    expect(stage.ask({ command: 'CTRL_AGENT_QUIT', agent_id: '1' })).toBeUndefined();
    stage.pass(400);
    stage.do({ type: 'unreachable', agent: '1', command: 'STATUS' });
    expect(stage.answers()).toEqual([{ result: { status: {}, command: 'QUIT' }, agent_id: '1' }]);
    expect(stage.control.agents()).toEqual([]);
  });

  it('that does not answer a client is answered for, once', () => {
    const stage = new ControlStage({ directMs: 1_000 });
    stage.register('1');
    stage.ask({ command: 'CTRL_AGENT_STOP', agent_id: '1' });
    stage.pass(2_000);
    stage.says('1', { command: 'STOP', status: {} }, 'c');
    expect(stage.answers()).toEqual([{ error: expect.stringContaining('did not answer STOP') }]);
  });
});

describe('a native agent', () => {
  it('works for a run of the original, under ids of ours, and is bound as long', () => {
    const stage = new ControlStage();
    const id = stage.native('node');
    const run = stage.run(1, { hits: '1' });
    expect(stage.registry.isFree(id)).toBe(false);
    const order = stage.last(id, 'RUN');
    expect(order.id).not.toBeNull();
    stage.do({ type: 'reply', agent: id, id: order.id ?? '', answer: { result: { command: 'RUN', pids: [1] } } });
    stage.pass(2_600);
    const poll = stage.last(id, '_STATUS');
    expect(poll.order).toEqual({ command: '_STATUS', run_id: run });
    stage.do({ type: 'reply', agent: id, id: poll.id ?? '', answer: { result: { command: '_STATUS', status: {} } } });
    expect(stage.runs()).toEqual({});
    expect(stage.registry.isFree(id)).toBe(true);
  });

  it('is told to stop what is over, and gets back what is not', () => {
    const stage = new ControlStage();
    const id = stage.native('node');
    const run = stage.run(1);
    stage.do({ type: 'native', agent: id, original: [run, 'elsewhere'] });
    expect(stage.of('tell').at(-1)?.order).toEqual({ command: 'STOP', run_id: 'elsewhere' });
    const other = stage.native('other', ['unknown-here']);
    expect(stage.agentsOf('unknown-here')).toEqual([other]);
  });

  it('whose timeout comes is told to stop, and not to leave', () => {
    const stage = new ControlStage({ agentTimeoutMs: 3_000 });
    const id = stage.native('node');
    const run = stage.run(1);
    stage.pass(10_000);
    expect(stage.told('QUIT')).toEqual([]);
    expect(stage.last(id, 'STOP').order).toEqual({ command: 'STOP', run_id: run });
    expect(stage.runs()).toEqual({});
  });

  it('can be told to run by name only while it is free, and is not reserved meanwhile', () => {
    const stage = new ControlStage();
    const id = stage.native('node');
    stage.ask({ command: 'CTRL_AGENT_RUN', agent_id: id, args: { hits: '1' } });
    expect(stage.last(id, 'RUN').order).toEqual({ command: 'RUN', args: { zmq_receiver: 'tcp://r:1', hits: '1' } });
    expect(stage.ask({ command: 'CTRL_RUN', agents: 1, args: {} }, 'd')).toEqual({ error: 'Not enough agents' });
    const answer = { result: { command: 'RUN', pids: [3] } };
    stage.do({ type: 'reply', agent: id, id: stage.last(id, 'RUN').id ?? '', answer });
    expect(stage.answers()).toEqual([answer]);
    expect(stage.runs()).toEqual({});
    stage.pass(2_600);
    const poll = stage.last(id, '_STATUS');
    stage.do({ type: 'reply', agent: id, id: poll.id ?? '', answer: { result: { command: '_STATUS', status: {} } } });
    stage.run(1);
  });
});

describe('a broker that is started again', () => {
  it('goes on with runs, agents and what is over', () => {
    const before = new ControlStage();
    before.register('1', '2', '3');
    const over = before.run(1);
    const [done = ''] = before.agentsOf(over);
    before.status(done, {});
    const run = before.run(2);
    const members = before.agentsOf(run);
    const stage = new ControlStage({}, before.saved);
    expect(stage.agentsOf(run)).toEqual(members);
    expect(stage.control.agents()).toHaveLength(3);
    stage.do({ type: 'sent', run: over, agent: done });
    expect(Object.keys(stage.runs())).toEqual([run]);
    for (const agent of members) stage.status(agent, {});
    expect(stage.of('end')).toHaveLength(1);
  });

  it('forgets a run that nobody heard of, and ends again one whose end may not be kept', () => {
    const before = new ControlStage();
    before.register('1', '2');
    const run = before.run(1);
    before.keeps = false;
    before.status(before.agentsOf(run)[0] ?? '', {});
    before.ask({ command: 'CTRL_RUN', agents: 1, args: {} });
    const stage = new ControlStage({}, before.saved);
    expect(stage.of('end').map((each) => each.run)).toEqual([run]);
    expect(stage.runs()).toEqual({});
    stage.run(2);
  });

  it('keeps of runs that are over only that they are', () => {
    const stage = new ControlStage({}, { 'original/member/lost/1': { agent: '1', native: false, since: 1 } });
    stage.register('1', '2');
    const run = stage.run(2);
    expect(Object.keys(stage.saved).sort()).toEqual(
      [
        'original/agent/1',
        'original/agent/2',
        `original/member/${run}/1`,
        `original/member/${run}/2`,
        `original/run/${run}`,
      ].sort(),
    );
    stage.status('1', {});
    stage.status('2', {});
    expect(Object.keys(stage.saved).sort()).toEqual(['original/agent/1', 'original/agent/2', `original/over/${run}`]);
  });
});

describe('whatever happens', () => {
  const agents = fc.constantFrom('1', '2', '3', 'n');
  const step = fc.oneof(
    fc.record({ do: fc.constant('register' as const), agent: agents }),
    fc.record({ do: fc.constant('unregister' as const), agent: agents }),
    fc.record({ do: fc.constant('run' as const), count: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ do: fc.constant('stop' as const), run: fc.nat(3) }),
    fc.record({ do: fc.constant('status' as const), agent: agents, works: fc.boolean() }),
    fc.record({ do: fc.constant('status' as const), agent: agents, works: fc.constant(false) }),
    fc.record({ do: fc.constant('sent' as const), agent: agents, run: fc.nat(3) }),
    fc.record({ do: fc.constant('unreachable' as const), agent: agents }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat(8_000) }),
    fc.record({ do: fc.constant('restart' as const) }),
  );

  it('an agent works for one run at most, each run ends once, a run with agents is not over, each question has one answer', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), (steps) => {
        let stage = new ControlStage();
        stage.register('1', '2', '3');
        const begun: string[] = [];
        const ended: string[] = [];
        const runAt = (index: number): string => begun[index] ?? 'elsewhere';
        for (const each of steps) {
          const before = stage.effects.length;
          if (each.do === 'register' && each.agent === 'n') stage.native('n');
          else if (each.do === 'register') stage.register(each.agent);
          else if (each.do === 'unregister') stage.do({ type: 'unregister', agent: each.agent });
          else if (each.do === 'run') {
            const answer = stage.ask({ command: 'CTRL_RUN', agents: each.count, args: {} });
            if ('result' in (answer as object)) begun.push(`run-${stage.asked}`);
          } else if (each.do === 'stop')
            expect(stage.ask({ command: 'CTRL_STOP_RUN', run_id: runAt(each.run) })).toHaveProperty('result');
          else if (each.do === 'status')
            stage.status(each.agent, each.works ? running(stage.control.runOf(each.agent) ?? 'other') : {});
          else if (each.do === 'sent') stage.do({ type: 'sent', agent: each.agent, run: runAt(each.run) });
          else if (each.do === 'unreachable') stage.do({ type: 'unreachable', agent: each.agent, command: '_STATUS' });
          else if (each.do === 'pass') stage.pass(each.ms);
          else stage = new ControlStage({}, stage.saved, { asked: stage.asked });
          const news = each.do === 'restart' ? stage.effects : stage.effects.slice(before);
          for (const effect of news) if (effect.type === 'end' && effect.run !== 'elsewhere') ended.push(effect.run);

          const listed = stage.runs();
          const working = Object.values(listed).flatMap((members) => members.map(([agent]) => agent));
          expect(new Set(working).size).toBe(working.length);
          for (const [run, members] of Object.entries(listed)) {
            expect(members.length).toBeGreaterThan(0);
            for (const [agent] of members) expect(stage.control.runOf(agent)).toBe(run);
          }
          expect(new Set(ended).size).toBe(ended.length);
          for (const run of begun) expect(ended.includes(run)).toBe(!(run in listed));
        }
      }),
      { numRuns: 200 },
    );
  });
});
