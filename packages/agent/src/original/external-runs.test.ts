import type { AgentAnswer, OriginalOrder } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { Turn } from '../supervisor/turn.js';
import type { Asker, ExternalEffect, ExternalEvent } from './events.js';
import { ExternalRuns } from './external-runs.js';

type Effect<T extends ExternalEffect['type']> = Extract<ExternalEffect, { readonly type: T }>;

/** The core with a clock of the test's own; processes are what the test says. */
class Stage {
  nowMs = 0;
  refusal: string | null = null;
  quits = 0;
  readonly done: ExternalEffect[] = [];
  readonly log: string[] = [];
  #asked = 0;
  readonly runs = new ExternalRuns(
    {
      identity: () => ({ agent: 'node.abc', hostname: 'node', pid: 7 }),
      refusal: () => this.refusal,
      quit: () => {
        this.quits += 1;
      },
    },
    { boot: 'b'.repeat(32), ladderMs: 5_000, settleMs: 500 },
  );

  handle(event: ExternalEvent): void {
    this.#turn((turn) => this.runs.handle(turn, event));
  }
  #turn(act: (turn: Turn) => void): void {
    const turn = new Turn(this.nowMs);
    act(turn);
    this.runs.due(turn);
    for (const effect of turn.effects) {
      if (effect.type === 'external') this.done.push(effect.effect);
      else if (effect.type === 'log') this.log.push(`${effect.level}: ${effect.message}`);
    }
  }
  /** Lets time go by, stopping at each instant at which something is due. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.runs.nextMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.runs.nextMs);
      this.#turn(() => undefined);
    }
    this.nowMs = endMs;
  }
  ask(order: OriginalOrder, from?: Asker): Asker {
    this.#asked += 1;
    const asker = from ?? { native: `q${this.#asked}` };
    this.handle({ type: 'order', from: asker, order });
    return asker;
  }
  run(args: Record<string, unknown>, run = 'r1'): Asker {
    return this.ask({ command: 'RUN', run_id: run, args });
  }
  of<T extends ExternalEffect['type']>(type: T): Effect<T>[] {
    return this.done.filter((effect): effect is Effect<T> => effect.type === type);
  }
  answer(to: Asker): AgentAnswer | undefined {
    return this.of('answer').find((effect) => JSON.stringify(effect.to) === JSON.stringify(to))?.answer;
  }
  status(run?: string): unknown {
    const asker = this.ask({ command: '_STATUS', ...(run === undefined ? {} : { run_id: run }) });
    return this.answer(asker)?.result?.status;
  }
  get rows(): string[] {
    return this.of('row').map(({ row }) => row.data_type);
  }
  /** Answers each `start` that was not answered yet. */
  #answered = 0;
  startAll(): number[] {
    const fresh = this.of('start').slice(this.#answered);
    this.#answered += fresh.length;
    for (const { job, process } of fresh) this.handle({ type: 'started', job, process, pid: 100 + process });
    return fresh.map(({ process }) => process);
  }
  end(process: number, left = false, job = 1, fault: string | null = null): void {
    this.handle({ type: 'ended', job, process, left, fault });
  }
}

const begun = (args: Record<string, unknown> = {}) => {
  const stage = new Stage();
  const asker = stage.run({ test_runner: './go', ...args });
  stage.handle({ type: 'prepared', job: 1 });
  return { stage, asker, processes: stage.startAll() };
};

describe('runs of the original on an agent', () => {
  it('answers RUN with the pid of the first process, once', () => {
    const { stage, asker } = begun({ users: 3, hits: 2 });
    expect(stage.of('start').map(({ user }) => user)).toEqual([1, 2, 3]);
    expect(stage.of('answer').filter(({ to }) => to === asker)).toHaveLength(1);
    expect(stage.answer(asker)).toEqual({
      result: { pids: [101], agent_id: 'node.abc', command: 'RUN' },
      hostname: 'node',
      agent_id: 'node.abc',
      pid: 7,
    });
    expect(stage.rows).toEqual(['startTestRun']);
  });

  it('says as an error why the first program broke, and of the others and of those that it ended itself less', () => {
    const { stage, processes } = begun({ users: 2, hits: 1 });
    for (const process of processes)
      stage.end(process, false, 1, `./go (${process}) ended with exit code 1: no module`);
    expect(stage.log.filter((line) => !line.startsWith('info'))).toEqual([
      'error: run r1: ./go (1) ended with exit code 1: no module',
      'warn: run r1: ./go (2) ended with exit code 1: no module',
    ]);
    const other = begun({ users: 1, duration: 10 }).stage;
    other.ask({ command: 'STOP', run_id: 'r1' });
    other.end(1, false, 1, './go (1) ended with SIGTERM');
    expect(other.log.filter((line) => !line.startsWith('info'))).toEqual(['warn: run r1: ./go (1) ended with SIGTERM']);
  });

  it('goes through the steps, each when the one before is gone, and tells the end after the last', () => {
    const { stage, processes } = begun({ users: '1:2', hits: '5:6' });
    stage.end(processes[0] ?? 0);
    expect(
      stage
        .of('start')
        .slice(1)
        .map(({ step, user }) => [step.users, step.hits, user]),
    ).toEqual([
      [2, 6, 1],
      [2, 6, 2],
    ]);
    for (const process of stage.startAll()) stage.end(process);
    expect(stage.status('r1')).toEqual({ 101: { status: 'running', run_id: 'r1' } });
    expect(stage.rows).toEqual(['startTestRun']);
    stage.pass(500);
    expect(stage.rows).toEqual(['startTestRun', 'stopTestRun']);
    expect(stage.runs.isBusy).toBe(true);
    stage.pass(500);
    expect(stage.runs.isBusy).toBe(false);
    expect(stage.status('r1')).toEqual({ 101: { status: 'terminated', run_id: 'r1' } });
    expect(stage.of('clear')).toEqual([{ type: 'clear', job: 1 }]);
    expect(stage.runs.nextMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends what is left when a step has taken its time, with SIGTERM and after 5 s with SIGKILL', () => {
    const { stage, processes } = begun({ users: 2, hits: 3, external_process_timeout: 4 });
    stage.pass(11_999);
    expect(stage.of('signal')).toEqual([]);
    stage.pass(1);
    expect(stage.of('signal').map(({ process, signal }) => [process, signal])).toEqual(
      processes.map((process) => [process, 'SIGTERM']),
    );
    stage.end(processes[0] ?? 0);
    stage.pass(4_999);
    expect(stage.of('signal')).toHaveLength(2);
    stage.pass(1);
    expect(stage.of('signal').slice(2)).toEqual([{ type: 'signal', job: 1, process: processes[1], signal: 'SIGKILL' }]);
    stage.end(processes[1] ?? 0);
    stage.pass(1_000);
    expect(stage.runs.isBusy).toBe(false);
  });

  it('gives a step by time the time and the timeout', () => {
    const { stage } = begun({ duration: 10 });
    expect(stage.runs.nextMs).toBe(12_000);
  });

  it('reaps what a process left behind before the next step', () => {
    const { stage, processes } = begun({ hits: '1:1' });
    stage.end(processes[0] ?? 0, true);
    expect(stage.of('signal')).toEqual([{ type: 'signal', job: 1, process: processes[0], signal: 'SIGTERM' }]);
    expect(stage.of('start')).toHaveLength(1);
    stage.handle({ type: 'gone', job: 1, process: processes[0] ?? 0 });
    expect(stage.of('start')).toHaveLength(2);
  });

  it('answers STOP when everything is gone, and starts no further step', () => {
    const { stage, processes } = begun({ hits: '1:1' });
    const asker = stage.ask({ command: 'STOP' });
    expect(stage.of('signal').map(({ signal }) => signal)).toEqual(['SIGTERM']);
    expect(stage.answer(asker)).toBeUndefined();
    stage.end(processes[0] ?? 0);
    stage.pass(1_000);
    expect(stage.answer(asker)?.result).toEqual({
      status: { 101: { status: 'terminated', run_id: 'r1' } },
      command: 'STOP',
    });
    expect(stage.of('start')).toHaveLength(1);
  });

  it('answers STOP after 4 s with what still runs', () => {
    const { stage } = begun();
    const asker = stage.ask({ command: 'STOP' });
    stage.pass(4_000);
    expect(stage.answer(asker)?.result?.status).toEqual({ 101: { status: 'running', run_id: 'r1' } });
  });

  it('answers STOP at once when nothing runs', () => {
    const stage = new Stage();
    expect(stage.answer(stage.ask({ command: 'STOP' }))?.result).toEqual({ status: {}, command: 'STOP' });
  });

  it('stops only the run that it is told to, when it is told which', () => {
    const { stage } = begun();
    stage.run({ test_runner: './other' }, 'r2');
    stage.handle({ type: 'prepared', job: 2 });
    stage.startAll();
    stage.ask({ command: 'STOP', run_id: 'r2' });
    expect(stage.of('signal').map(({ job }) => job)).toEqual([2]);
  });

  it('counts as running while it prepares, so a status that comes too early ends nothing', () => {
    const stage = new Stage();
    stage.run({ test_runner: './go' });
    expect(stage.status('r1')).toEqual({ 7: { status: 'running', run_id: 'r1' } });
    expect(stage.status('another')).toEqual({});
  });

  it('refuses QUIT while it works, unless it is forced', () => {
    const { stage, processes } = begun();
    const refused = stage.ask({ command: 'QUIT' });
    expect(stage.answer(refused)?.result).toEqual({
      status: { 101: { status: 'running', run_id: 'r1' } },
      command: 'QUIT',
    });
    stage.pass(1_000);
    expect(stage.quits).toBe(0);
    const forced = stage.ask({ command: 'QUIT', force: true });
    expect(stage.answer(forced)?.result).toEqual({ status: {}, command: 'QUIT' });
    expect(stage.of('signal').map(({ process }) => process)).toEqual(processes);
    stage.pass(1_000);
    expect(stage.quits).toBe(1);
  });

  it('quits when it is idle, after its answer', () => {
    const stage = new Stage();
    stage.ask({ command: 'QUIT' });
    expect([stage.of('answer').length, stage.quits]).toEqual([1, 0]);
    stage.pass(250);
    expect(stage.quits).toBe(1);
  });

  it('tells whoever asked, and whoever waits for rows, when the first process can’t be started', () => {
    const stage = new Stage();
    const asker = stage.run({ test_runner: './nothing', users: 2 });
    stage.handle({ type: 'prepared', job: 1 });
    for (const { process } of stage.of('start')) stage.handle({ type: 'unstarted', job: 1, process, why: 'ENOENT' });
    expect(stage.answer(asker)?.error).toEqual({ agent_id: 'node.abc', error: 'ENOENT' });
    stage.pass(1_000);
    expect(stage.rows).toEqual(['startTestRun', 'addError', 'stopTestRun']);
    expect(stage.runs.isBusy).toBe(false);
  });

  it('tells of files that can’t be unpacked in the same way', () => {
    const stage = new Stage();
    const asker = stage.run({ test_runner: './go' });
    stage.handle({ type: 'unprepared', job: 1, why: 'no zip' });
    expect(stage.answer(asker)?.error).toEqual({ agent_id: 'node.abc', error: 'no zip' });
    stage.pass(1_000);
    expect(stage.rows).toEqual(['startTestRun', 'addError', 'stopTestRun']);
    expect(stage.runs.isBusy).toBe(false);
  });

  it('starts nothing of a run that was stopped while it prepared', () => {
    const stage = new Stage();
    const asker = stage.run({ test_runner: './go' });
    stage.ask({ command: 'STOP' });
    stage.handle({ type: 'prepared', job: 1 });
    expect(stage.of('start')).toEqual([]);
    expect(stage.answer(asker)?.error).toMatchObject({ error: 'it was stopped before it began' });
    stage.pass(1_000);
    expect(stage.runs.isBusy).toBe(false);
  });

  it('refuses what it can’t run, and takes nothing while the agent may not', () => {
    const stage = new Stage();
    expect(stage.answer(stage.run({ fqn: 'package.module.Case.test' }))?.error).toMatchObject({
      error: expect.stringContaining('nothing that this agent can run'),
    });
    stage.refusal = 'it works for run x';
    expect(stage.answer(stage.run({ test_runner: './go' }))?.error).toMatchObject({ error: 'it works for run x' });
    expect(stage.of('prepare')).toEqual([]);
  });

  it('does a message of the broker once, however often it comes', () => {
    const stage = new Stage();
    for (let time = 0; time < 3; time += 1)
      stage.ask({ command: 'RUN', run_id: 'r1', args: { test_runner: './go' } }, { native: 'same' });
    expect(stage.of('prepare')).toHaveLength(1);
  });

  it('gives a run without an id one of its own', () => {
    const stage = new Stage();
    stage.ask({ command: 'RUN', args: { test_runner: './go' } });
    expect(stage.runs.runs).toEqual(['direct-bbbbbbbbbbbb-1']);
  });
});
