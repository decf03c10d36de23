import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '@muster/agent';
import type { AgentAnswer, OriginalOrder, RunId } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProgram } from '../support/agent-program.js';
import { FakeBroker } from '../support/fake-broker.js';
import { makeZip } from './support/zip.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-native-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const openBroker = async (): Promise<FakeBroker> => {
  const broker = await FakeBroker.open();
  closers.push(() => broker.close());
  return broker;
};
const openBoth = async (): Promise<{ readonly broker: FakeBroker; readonly agent: Agent }> => {
  const broker = await openBroker();
  const agent = await startAgent({
    broker: broker.endpoints.frontend,
    data: join(folder, 'data'),
    node: 'node',
    workers: 1,
    logLevel: 'silent',
    flushMs: 0,
  });
  closers.push(() => Promise.race([agent.close(), agent.closed]));
  await broker.message('hello');
  return { broker, agent };
};
const ask = async (broker: FakeBroker, agent: Agent, id: string, message: OriginalOrder): Promise<AgentAnswer> => {
  broker.say(agent.id, { type: 'original', id, message });
  const found = () => broker.all('original.reply').find((reply) => reply.id === id);
  await broker.until(() => found() !== undefined);
  return found()?.message ?? {};
};
const filesOf = (text: string): string => makeZip([{ name: 'go.sh', text, mode: 0o100755 }]).toString('base64');
const STAYS = '#!/bin/sh\nexec sleep 600\n';

describe('an agent and a broker of ours, with a run of the original', () => {
  it('runs a program, answers under the message’s id, and takes no native run meanwhile', async () => {
    const { broker, agent } = await openBoth();
    const args = { test_runner: './go.sh', duration: 600, zmq_receiver: 'tcp://127.0.0.1:1' };
    const started = await ask(broker, agent, 'q1', { command: 'RUN', run_id: 'r1', args, filedata: filesOf(STAYS) });
    const pid = started.result?.pids?.[0] ?? 0;
    expect(started.result).toEqual({ pids: [pid], agent_id: agent.id, command: 'RUN' });
    expect((await ask(broker, agent, 'q2', { command: '_STATUS', run_id: 'r1' })).result?.status).toEqual({
      [pid]: { status: 'running', run_id: 'r1' },
    });
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain(`LOADS_ZMQ_RECEIVER=${broker.endpoints.receiver}\0`);
    expect(agent.view).toMatchObject({ original: ['r1'], run: null });

    const run = '01900000-0000-7000-8000-000000000001' as RunId;
    await broker.prepare(agent.id, run, broker.addBundle('export default () => {};'));
    expect(await broker.about('fault', run)).toMatchObject({ code: 'AGENT_BUSY' });

    const stopped = await ask(broker, agent, 'q3', { command: 'STOP', run_id: 'r1' });
    expect(stopped.result).toEqual({ status: { [pid]: { status: 'terminated', run_id: 'r1' } }, command: 'STOP' });
    await broker.until(() => broker.rows.length === 2);
    expect(broker.rows).toEqual([
      { data_type: 'startTestRun', agent_id: agent.id, run_id: 'r1' },
      { data_type: 'stopTestRun', agent_id: agent.id, run_id: 'r1' },
    ]);
    // No message tells that the folder is gone.
    while ((await readdir(join(folder, 'data', 'runs'))).length > 0) await new Promise(setImmediate);
  });

  it('takes files that are far over the bound of other messages', async () => {
    const { broker, agent } = await openBoth();
    const large = makeZip([
      { name: 'large.txt', text: 'x'.repeat(6_000_000), stored: true },
      { name: 'go.sh', text: '#!/bin/sh\nwc -c < large.txt > ../size\n', mode: 0o100755 },
    ]).toString('base64');
    await ask(broker, agent, 'q1', { command: 'RUN', run_id: 'r', args: { test_runner: './go.sh' }, filedata: large });
    await broker.until(() => broker.rows.some(({ data_type }) => data_type === 'stopTestRun'));
    expect(readFileSync(join(folder, 'data', 'runs', 'size'), 'utf8').trim()).toBe('6000000');
  });

  it('goes on when the broker is restarted, and names the run when it signs on again', async () => {
    const { broker, agent } = await openBoth();
    const args = { test_runner: './go.sh', duration: 600 };
    await ask(broker, agent, 'q1', { command: 'RUN', run_id: 'r1', args, filedata: filesOf(STAYS) });
    await broker.close();
    const next = await FakeBroker.open({ at: broker.endpoints });
    closers.push(() => next.close());
    expect(await next.message('hello')).toMatchObject({ original: ['r1'], run: null });
    const stopped = await ask(next, agent, 'q2', { command: 'STOP' });
    expect(Object.values(stopped.result?.status ?? {})).toEqual([{ status: 'terminated', run_id: 'r1' }]);
  });

  it('is a process that leaves when its broker is lost, if it is told to', async () => {
    const broker = await openBroker();
    const program = startProgram([
      ...['--broker', broker.endpoints.frontend, '--data', join(folder, 'data'), '--workers', '1'],
      ...['--quit-when-orphaned', '--broker-lost-ms', '500', '--logfile', join(folder, 'log')],
    ]);
    closers.push(() => program.kill());
    await broker.message('hello');
    await broker.close();
    expect(await program.exit).toBe(0);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('the broker is lost');
  });
});
