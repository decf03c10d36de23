import type { BrokerMessage } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { exitOf, OTHER_RUN, RUN, Stage } from '../../test/support/stage.js';

const functions = ['default', 'teardown'];
const done = (stage: Stage) =>
  stage.news(0, { type: 'done', outcome: 'done' }).news(1, { type: 'done', outcome: 'done' });
const stop: BrokerMessage = { type: 'stop', run: RUN, reason: 'enough' };

/** Each state, reached the shortest way. */
const REACHED = {
  idle: () => new Stage({ functions }).signedOn(),
  fetching: () => new Stage({ functions, cached: false }).prepared(),
  loading: () => {
    const stage = new Stage({ functions });
    stage.obedient = false;
    return stage.prepared();
  },
  prepared: () => new Stage({ functions }).prepared(),
  making: () => {
    const stage = new Stage({ functions }).prepared();
    stage.obedient = false;
    return stage.plan(0);
  },
  ready: () => new Stage({ functions }).ready(),
  running: () => new Stage({ functions }).running(),
  stopping: () => new Stage({ functions }).running().say(stop),
  closing: () => done(new Stage({ functions }).running()),
  ending: () => {
    const stage = new Stage({ functions }).running();
    stage.mortal = false;
    return stage.say({ type: 'abort', run: RUN, reason: 'now' });
  },
  sealing: () => {
    const stage = new Stage().running();
    stage.writes = false;
    return done(stage);
  },
  finished: () => done(new Stage({ functions: ['default', 'handleSummary'] }).running()),
  releasing: () => {
    const stage = done(new Stage({ functions: ['default', 'handleSummary'] }).running());
    stage.mortal = false;
    return stage.say({ type: 'forget', run: RUN });
  },
} as const;
type State = keyof typeof REACHED;

const EVENTS = {
  prepare: (stage: Stage) => stage.prepare(),
  'prepare of another': (stage: Stage) => stage.prepare(OTHER_RUN),
  'plan 0': (stage: Stage) => stage.plan(0),
  'plan 1': (stage: Stage) => stage.plan(1),
  'plan 2': (stage: Stage) => stage.plan(2, { fromMs: 9_000 }),
  'all done': (stage: Stage) => done(stage),
  stop: (stage: Stage) => stage.say(stop),
  abort: (stage: Stage) => stage.say({ type: 'abort', run: RUN, reason: 'now' }),
  forget: (stage: Stage) => stage.say({ type: 'forget', run: RUN }),
  'a death': (stage: Stage) => stage.exit(1, exitOf('signal')),
  'the last death': (stage: Stage) => stage.exit(1, exitOf('signal')).exit(0, exitOf('signal')),
  'a refused port': (stage: Stage) => stage.event({ type: 'link.refused' }),
  silence: (stage: Stage) => {
    stage.broker = null;
    return stage.advance(3_000);
  },
} as const;
type Event = keyof typeof EVENTS;

/** The table above `RunState`, and where nothing is said there: the state stays. */
const NEXT: Partial<Record<State, Partial<Record<Event, State>>>> = {
  idle: { prepare: 'prepared', 'prepare of another': 'prepared' },
  fetching: { stop: 'finished', abort: 'finished', forget: 'idle' },
  loading: { stop: 'finished', abort: 'finished', forget: 'idle', 'a death': 'finished', 'the last death': 'finished' },
  prepared: {
    'plan 0': 'ready',
    stop: 'finished',
    abort: 'finished',
    forget: 'idle',
    'a death': 'finished',
    'the last death': 'finished',
  },
  making: { stop: 'finished', abort: 'finished', forget: 'idle', 'a death': 'finished', 'the last death': 'finished' },
  ready: {
    'plan 1': 'running',
    'plan 2': 'running',
    stop: 'finished',
    abort: 'finished',
    forget: 'idle',
    'a death': 'finished',
    'the last death': 'finished',
  },
  running: {
    'all done': 'closing',
    stop: 'stopping',
    abort: 'finished',
    forget: 'idle',
    'a death': 'finished',
    'the last death': 'finished',
  },
  stopping: {
    'all done': 'closing',
    abort: 'finished',
    forget: 'idle',
    'a death': 'finished',
    'the last death': 'finished',
  },
  closing: { abort: 'finished', forget: 'idle' },
  ending: { 'the last death': 'finished' },
  finished: { forget: 'idle' },
  releasing: { 'the last death': 'idle' },
};

const stateOf = (stage: Stage): string => stage.view.run?.state ?? 'idle';
const states = Object.keys(REACHED) as State[];
const events = Object.keys(EVENTS) as Event[];

describe('the table of a run’s states', () => {
  it.each(states)('is reached: %s', (state) => {
    expect(stateOf(REACHED[state]())).toBe(state);
  });

  it.each(states.flatMap((state) => events.map((event) => [state, event, NEXT[state]?.[event] ?? state] as const)))(
    'in %s, %s leads to %s',
    (state, event, next) => {
      expect(stateOf(EVENTS[event](REACHED[state]()))).toBe(next);
    },
  );

  it('always comes to an end: forgotten in any state, with workers that die, the agent is free and its stream closed', () => {
    for (const state of states) {
      const stage = REACHED[state]();
      stage.writes = true;
      stage.say({ type: 'forget', run: RUN }).advance(11_000);
      for (const [stream, batches] of stage.kept)
        stage.event({ type: 'outbox.written', stream, upTo: batches.length - 1 });
      expect([state, stateOf(stage), stage.aliveWorkers]).toEqual([state, 'idle', 0]);
      for (const batches of stage.kept.values())
        expect(batches.at(-1)?.header).toMatchObject({ kind: 'end', last: true });
      expect(stage.last('slot.released').run).toBe(RUN);
    }
  });
});
