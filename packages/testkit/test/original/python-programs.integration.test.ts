import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, startCluster } from '@muster/cluster';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTargetProcess, type TargetProcess, until } from '../support.js';
import {
  askInPython,
  leftOut,
  type Plain,
  PYTHON,
  type PythonAgent,
  runInPython,
  startPythonAgent,
  zipInPython,
} from './python-programs.js';

const EXAMPLES = fileURLToPath(new URL('../../../../examples/external/', import.meta.url));

let target: TargetProcess;
let folder: string;
let cluster: Cluster;
let pythons: PythonAgent[] = [];

const start = async (natives: number, hostnames: readonly string[]): Promise<void> => {
  cluster = await startCluster({ agents: natives, data: folder, brokerFlags: ['--poll-ms', '200'] });
  pythons = await Promise.all(hostnames.map((hostname) => startPythonAgent(cluster.endpoint, hostname)));
  await until(async () => Object.keys(await result('LIST')).length === natives + hostnames.length);
};
const result = async (command: string, fields: object = {}): Promise<Plain> => {
  const answer = await askInPython(cluster.endpoint, command, fields);
  if (!('result' in answer)) throw new Error(JSON.stringify(answer));
  return answer.result as Plain;
};
/** Live counts, without how many messages they came in. */
const live = (ended: Plain): Plain => (ended.live as { counts: Plain }).counts;
const row = { run_id: expect.any(String), agent_id: expect.any(String), data_type: 'add_hit' };

beforeEach(async () => {
  target = await startTargetProcess();
  folder = await mkdtemp(join(tmpdir(), 'muster-python-'));
});
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(cluster?.logs());
  for (const agent of pythons.splice(0)) await agent.close();
  await cluster?.stop();
  await target.close();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(leftOut)('programs of the original in Python', () => {
  it('run a test through our broker, from the first PING to the last count', async () => {
    await start(0, ['one', 'two']);
    const ids = pythons.map(({ id }) => id).sort();
    expect(await result('PING')).toMatchObject({ agents: { [ids[0] as string]: { hostname: 'one' } } });
    expect(Object.keys(await result('LIST')).sort()).toEqual(ids);

    const args = { fqn: 'visits.TestVisits.test_visit', users: '1:3', hits: '2:4', server_url: `${target.url}/?a=b` };
    const run = runInPython(cluster.endpoint, { agents: 2, args });
    const started = await run.saw('started');
    const run_id = String(started.run_id);
    expect([...(started.agents as string[])].sort()).toEqual(ids);
    const members = (started.runs as Record<string, [string, number][]>)[run_id] ?? [];
    expect(members.map(([agent]) => agent).sort()).toEqual(ids);

    const ended = await run.saw('ended');
    // Two agents, stages of 1 and 3 users, 2 and 4 hits each.
    const times = 2 * (1 + 3) * (2 + 4);
    const counts = {
      startTestRun: 2,
      startTest: times,
      add_hit: times,
      'my-counter': times,
      addSuccess: times,
      stopTest: times,
      stopTestRun: 2,
    };
    expect((await target.stats()).received).toBe(times);
    expect(live(ended)).toEqual(counts);
    expect(ended.live).toMatchObject({ finished: true });
    expect(ended.counts).toEqual(counts);
    expect(ended.urls).toEqual({ [args.server_url]: times });
    expect(ended.runs).toEqual({});
    expect(ended.metadata).toMatchObject({ ...args, active: false, stopped: true, started: expect.any(Number) });
    const hits = ended.hits as Plain[];
    expect(hits).toHaveLength(times);
    expect(hits[0]).toMatchObject({ ...row, run_id, url: args.server_url, status: 200 });
    for (const id of ids) expect(hits.filter(({ agent_id }) => agent_id === id)).toHaveLength(times / 2);
    expect(ended.page).toHaveLength(5);
    expect((ended.grouped as Plain[]).map(({ count }) => count)).toEqual([1, 1]);
  });

  it('tell failures, and stop a run when they are told to', async () => {
    await start(0, ['one']);
    const args = { users: 2, duration: 600, server_url: `${target.url}/error?rate=1&status=503&ms=20` };
    const run = runInPython(cluster.endpoint, { agents: 1, args });
    const { run_id } = await run.saw('started');
    await run.saw('first');
    const status = async () => await result('CTRL_AGENT_STATUS', { agent_id: pythons[0]?.id });
    await until(async () => (await status()).command === '_STATUS');
    expect(Object.values((await status()).status as Plain)).toEqual([{ status: 'running', run_id }]);
    expect(await result('CTRL_STOP_RUN', { run_id })).toEqual([pythons[0]?.id]);
    const ended = await run.saw('ended');
    expect(ended.runs).toEqual({});
    expect(ended.metadata).toMatchObject({ active: false, stopped: true });
    // What the worker had not sent is lost with it; what it sent is all there.
    const counts = ended.counts as Record<string, number>;
    expect(counts).toEqual(live(ended));
    expect(counts.addFailure).toBeGreaterThan(0);
    expect(counts.addFailure).toBeLessThanOrEqual((await target.stats()).received);
    expect(counts).not.toHaveProperty('addSuccess');
  });
});

describe.skipIf(leftOut)('a cluster of agents of ours and of the original', () => {
  it.each([
    ['Python', `${PYTHON} runner.py`, ['python/runner.py']],
    ['Node', `${process.execPath} runner.mjs`, ['node/runner.mjs', 'node/push.mjs']],
  ])('runs one program in %s, and everything adds up', async (_, command, names) => {
    await start(2, ['elsewhere']);
    const files = names.map((name) => join(EXAMPLES, name));
    const archive = await zipInPython(join(folder, 'files.zip'), files);
    const url = `${target.url}/mixed`;
    const args = { test_runner: `${command} ${url}`, users: '2:3', hits: '3:2', external_process_timeout: 20 };
    const ended = await runInPython(cluster.endpoint, { agents: 3, args, archive }).saw('ended');

    const ofOne = 2 * 3 + 3 * 2;
    const times = 3 * ofOne;
    const stats = await target.stats();
    expect(stats.paths['/mixed']).toMatchObject({ received: times, served: times });
    const counts = { startTestRun: 3, startTest: times, add_hit: times, stopTest: times, stopTestRun: 3 };
    expect(ended.counts).toMatchObject(counts);
    expect(live(ended)).toEqual(ended.counts);
    const { addSuccess = 0, addFailure = 0 } = ended.counts as Record<string, number>;
    expect(addSuccess + addFailure).toBe(times);
    expect(ended.urls).toEqual({ [url]: times });
    const hits = ended.hits as Plain[];
    const agents = new Map<unknown, number>();
    for (const { agent_id } of hits) agents.set(agent_id, (agents.get(agent_id) ?? 0) + 1);
    expect([...agents.values()]).toEqual([ofOne, ofOne, ofOne]);
    expect(agents.has(pythons[0]?.id)).toBe(true);
    expect([...agents.keys()].filter((id) => String(id).startsWith('agent-'))).toHaveLength(2);
  });
});
