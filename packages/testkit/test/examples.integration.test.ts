import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@muster/bundle';
import { connect } from '@muster/client';
import { type Cluster, startCluster } from '@muster/cluster';
import { runOnce } from '@muster/engine/testing';
import type { Summary } from '@muster/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as health from '../../../examples/loads/health.js';
import { count } from './support.js';

const EXAMPLES = fileURLToPath(new URL('../../../examples/loads/', import.meta.url));

let server: ChildProcess;
let cluster: Cluster;
let url: string;
beforeAll(async () => {
  server = spawn(process.execPath, [`${EXAMPLES}echo-server.mjs`, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  url = await new Promise<string>((resolve, reject) => {
    let text = '';
    server.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /listening on (\S+)\n/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    server.once('exit', (code) => reject(new Error(`the echo server ended with ${code}: ${text}`)));
  });
  cluster = await startCluster({ agents: 2 });
});
afterAll(async () => {
  await cluster?.stop();
  server?.kill();
});
afterEach((context) => {
  if (context.task.result?.state === 'fail') console.error(cluster.logs());
});

const run = async (name: string, options: object = {}): Promise<Summary> => {
  await using muster = await connect(cluster.endpoint, { timeoutMs: 20_000 });
  const bundle = await bundleFile(`${EXAMPLES}${name}.ts`);
  const submitted = await muster.submit({ bundle, options: { baseUrl: url, ...options } });
  return await submitted.summary();
};

describe('the examples', () => {
  it('health: in a plain test runner', async () => {
    const once = await runOnce(health, { baseUrl: url });
    expect(once.errors).toEqual([]);
    expect(once.checks).toEqual([{ name: 'the page is there', passes: 1, fails: 0 }]);
  });

  it('health: passes', async () => {
    const summary = await run('health');
    expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
    expect(count(summary, 'http_reqs')).toBe(1);
  });

  it('volume: passes with its own load, and with stages of users and hits', async () => {
    const own = await run('volume');
    expect(own.run.verdict, own.run.reason ?? '').toBe('passed');
    expect([count(own, 'http_reqs'), count(own, 'logins')]).toEqual([400, 200]);
    const stages = await run('volume', { users: '2:3', hits: '1:2' });
    expect(stages.run.verdict, stages.run.reason ?? '').toBe('passed');
    // On each of the two agents, as in Loads: five users, each of three hits.
    expect(count(stages, 'iterations')).toBe(2 * 5 * 3);
  });

  it('websocket: passes, awaited and with callbacks', async () => {
    const summary = await run('websocket');
    expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
    expect(summary.errors).toEqual([]);
    expect(count(summary, 'ws_msgs_sent')).toBe(140);
  });

  it('failure: fails', async () => {
    const summary = await run('failure');
    expect(summary.run.verdict).toBe('failed');
    expect(summary.run.exitCode).toBe(99);
    expect(count(summary, 'iterations')).toBe(10);
  });

  it('does-not-die: goes on over errors, and tells each with its line', async () => {
    const summary = await run('does-not-die');
    expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
    expect(count(summary, 'iterations')).toBe(40);
    expect(count(summary, 'iterations_failed')).toBeGreaterThan(0);
    const lines = new Set(summary.errors.map(({ where }) => /does-not-die\.ts:(\d+)/.exec(where ?? '')?.[1]));
    expect(lines.size).toBe(3);
  });
});
