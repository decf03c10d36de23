import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AgentStage, isAlive } from './support/agent-stage.js';
import type { FakeBrokerOptions } from './support/fake-broker.js';
import { until } from './support/wait.js';

const stages: AgentStage[] = [];
/** Each case has an agent of its own, so that several can come and go at the same time. */
const open = async (argv: readonly string[] = [], options: FakeBrokerOptions = {}): Promise<AgentStage> => {
  const stage = await AgentStage.open(argv, options);
  stages.push(stage);
  return stage;
};
afterAll(() => Promise.all(stages.map((stage) => stage.close())));

const STAYS = 'exec sleep 600';
const signedOff = (stage: AgentStage) =>
  until('UNREGISTER', () => stage.broker.registrations.find(([verb]) => verb === 'UNREGISTER'));
const times = (stage: AgentStage, verb: string): number =>
  stage.broker.registrations.filter(([each]) => each === verb).length;

describe.concurrent('QUIT', () => {
  it('is refused by an agent that works, which says what runs and goes on; forced, it ends that and leaves', async () => {
    const stage = await open();
    const { pid, run_id } = await stage.run(STAYS, { duration: 600 });
    const running = { [pid]: { status: 'running', run_id } };
    expect(await stage.result({ command: 'QUIT' })).toEqual({ status: running, command: 'QUIT' });
    expect(await stage.result({ command: 'QUIT', force: false })).toEqual({ status: running, command: 'QUIT' });
    expect(await stage.status()).toEqual(running);
    expect(await stage.result({ command: 'QUIT', force: true })).toEqual({ status: {}, command: 'QUIT' });
    expect(await stage.program.exit).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });

  it('is answered by an agent that does nothing before it leaves, where the original leaves without a word', async () => {
    const stage = await open();
    expect(await stage.result({ command: 'QUIT' })).toEqual({ status: {}, command: 'QUIT' });
    expect(await stage.program.exit).toBe(0);
    expect(await signedOff(stage)).toEqual(['UNREGISTER', stage.agent]);
  });
});

describe.concurrent('an agent that is to end', () => {
  it('at SIGTERM signs off with its bare id and ends with 0', async () => {
    const stage = await open();
    stage.program.signal('SIGTERM');
    expect(await stage.program.exit).toBe(0);
    expect(await signedOff(stage)).toEqual(['UNREGISTER', stage.agent]);
  });

  it('says first that nothing runs, so that no broker keeps its run for ever', async () => {
    const stage = await open();
    const { run_id } = await stage.run(STAYS, { duration: 600 });
    stage.program.signal('SIGTERM');
    await signedOff(stage);
    expect(stage.broker.said.at(-1)?.body.result).toEqual({ status: {}, command: 'STOP' });
    expect((await stage.broker.hearsEnd(run_id)).at(-1)).toMatchObject({ data_type: 'stopTestRun' });
    expect(await stage.program.exit).toBe(0);
  });

  it('at its age leaves when it does nothing', async () => {
    const stage = await open(['--max-age', '1', '--max-age-delta', '1']);
    expect(await stage.program.exit).toBe(0);
    expect(await signedOff(stage)).toEqual(['UNREGISTER', stage.agent]);
  });

  it('at its age stays while it works, and leaves behind that', async () => {
    const stage = await open(['--max-age', '1']);
    const { run_id } = await stage.run('sleep 2', { duration: 600 });
    await stage.broker.hearsEnd(run_id);
    expect(await stage.program.exit).toBe(0);
  });

  it('without an age stays', async () => {
    const stage = await open([
      '--max-age',
      '-1',
      '--timeout',
      '1',
      '--params',
      'a:1|b:2',
      '--debug',
      '--logfile',
      'stdout',
    ]);
    expect(await stage.status()).toEqual({});
  });
});

describe.concurrent('the log of an agent', () => {
  it('writes its log to the file that it is told, with --debug more of it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-log-'));
    const file = join(folder, 'agent.log');
    const stage = await open(['--logfile', file, '--debug']);
    await stage.run('echo a line of the program');
    await until('both', () => {
      const text = readFileSync(file, 'utf8');
      return text.includes('"level":30') && text.includes('a line of the program');
    });
    expect(stage.program.said()).not.toContain('"level"');
    await rm(folder, { recursive: true, force: true });
  });
});

describe.concurrent('the heartbeat', () => {
  it('makes an agent that does nothing register, at either word', async () => {
    const stage = await open([], { heartbeat: true });
    for (const word of ['BEAT', 'REGISTER'] as const) {
      const before = times(stage, 'REGISTER');
      await until(`a registration at ${word}`, async () => {
        await stage.broker.beat(word);
        return times(stage, 'REGISTER') > before;
      });
    }
    expect(new Set(stage.broker.registrations.map(([, info]) => info)).size).toBe(1);
  });

  it('does not make an agent register that works, and does when it has ended', async () => {
    const stage = await open([], { heartbeat: true });
    await until('the subscription', async () => {
      await stage.broker.beat('BEAT');
      return times(stage, 'REGISTER') > 1;
    });
    await stage.run(STAYS, { duration: 600 });
    const before = times(stage, 'REGISTER');
    for (let each = 0; each < 5; each += 1) {
      await stage.broker.beat('REGISTER');
      await stage.status();
    }
    expect(times(stage, 'REGISTER')).toBe(before);
    await stage.result({ command: 'STOP' });
    await until('a registration', () => times(stage, 'REGISTER') > before);
  });

  it('that is lost makes an agent leave that does nothing', async () => {
    const stage = await open(['--broker-lost-ms', '2000'], { heartbeat: true });
    expect(await stage.program.exit).toBe(0);
  });

  it('that is lost lets an agent carry on that works, and leave behind that', async () => {
    const stage = await open(['--broker-lost-ms', '2000'], { heartbeat: true });
    const { run_id } = await stage.run('sleep 3', { duration: 600 });
    expect(await stage.broker.hearsEnd(run_id)).toHaveLength(2);
    expect(await stage.program.exit).toBe(0);
  });

  it('that there is none of keeps an agent where it is', async () => {
    const stage = await open(['--broker-lost-ms', '300']);
    const { run_id } = await stage.run('sleep 1');
    await stage.broker.hearsEnd(run_id);
    await stage.isIdle();
    expect(await stage.status()).toBeDefined();
  });
});
