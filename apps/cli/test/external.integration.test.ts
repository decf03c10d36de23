import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectOriginal } from '@muster/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RawBroker } from '../../../packages/client/test/raw-broker.js';

const MUSTER = fileURLToPath(new URL('../bin/muster.js', import.meta.url));
const ZEROMQ = createRequire(new URL('../../../packages/client/package.json', import.meta.url)).resolve('zeromq');

/** A program that knows nothing of us: it reads `LOADS_…` and pushes rows as JSON. */
const RUNNER = `
const { Push } = require(${JSON.stringify(ZEROMQ)});
const { readFileSync, existsSync } = require('node:fs');
const env = process.env;
const main = async () => {
  const socket = new Push({ linger: 2000 });
  socket.connect(env.LOADS_ZMQ_RECEIVER);
  const hits = Number(env.LOADS_TOTAL_HITS || 1);
  const say = (row) => socket.send(JSON.stringify({ agent_id: env.LOADS_AGENT_ID, run_id: env.LOADS_RUN_ID, ...row }));
  for (let hit = 1; hit <= hits; hit += 1) {
    const at = { test: process.argv[2] || 'shop', loads_status: [hits, +env.LOADS_TOTAL_USERS, hit, +env.LOADS_CURRENT_USER] };
    await say({ data_type: 'startTest', ...at });
    await say({ data_type: 'add_hit', url: env.LOADS_SERVER_URL || 'http://none/', method: 'GET', status: 200, started: '2026-11-24T04:00:00', elapsed: 0.01, loads_status: at.loads_status });
    if (existsSync('data/word.txt')) await say({ data_type: 'word-' + readFileSync('data/word.txt', 'utf8'), ...at });
    if (env.LOADS_CURRENT_USER === '1' && process.argv[3] === 'fail') await say({ data_type: 'addFailure', exc_info: ['AssertionError', 'not <fine>', 'at shop'], ...at });
    else await say({ data_type: 'addSuccess', ...at });
    await say({ data_type: 'stopTest', ...at });
  }
  socket.close();
  if (process.argv[3] === 'wait') setTimeout(() => undefined, 60000);
};
main();
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-external-'));
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'runner.cjs'), RUNNER);
  await writeFile(join(folder, 'data', 'word.txt'), 'hello');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
const start = (argv: readonly string[]) => {
  const env = { ...process.env, MUSTER_BROKER: '' };
  const child = spawn(process.execPath, [MUSTER, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Ran>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  return {
    ended,
    interrupt: () => child.kill('SIGINT'),
    said: (text: string) =>
      new Promise<string>((resolve, reject) => {
        const look = () => {
          if (out.includes(text)) resolve(out);
        };
        watchers.add(look);
        look();
        void ended.then((ran) => reject(new Error(`it ended with ${ran.code}: ${ran.out}${ran.err}`)));
      }),
  };
};
const muster = (...argv: string[]): Promise<Ran> => start(argv).ended;

describe('an external program in a cluster of its own', () => {
  it('is run by users and hits, with its files, and reported as JUnit and as lines', async () => {
    const ran = await muster(
      ...['run', 'shop', '--test-runner', `"${process.execPath}" runner.cjs {test}`, '--users', '2:1', '--hits', '3'],
      ...['--include-file', 'data/*.txt', '--server-url', 'http://127.0.0.1:1/', '--data', 'one'],
      ...['--output', 'console', '--output', 'junit', '--output', 'file=rows.jsonl'],
    );
    expect(ran.code, ran.err + ran.out).toBe(0);
    expect(ran.out).toContain('9 started, 9 ended');
    expect(ran.out).toContain('9 successes, 0 failures, 0 errors');
    expect(ran.out).toContain('word-hello');
    expect(ran.out).toContain('http://127.0.0.1:1/  9 hits');
    const xml = await readFile(join(folder, 'muster-junit.xml'), 'utf8');
    expect(xml).toContain('tests="1" failures="0" errors="0"');
    const lines = (await readFile(join(folder, 'rows.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      kind: 'end',
      summary: { counts: { add_hit: 9 }, exitCode: 0 },
    });
  }, 60_000);

  it('is invalid when no row came of it, and says why', async () => {
    await writeFile(join(folder, 'broken.cjs'), "require('no-such-module-anywhere');");
    const ran = await muster(
      ...['run', '--test-runner', `"${process.execPath}" broken.cjs`, '--users', '3', '--data', 'broken'],
    );
    expect(ran.code, ran.err).toBe(120);
    expect(ran.out).toContain('invalid: no row came from the program');
    expect(ran.err.match(/ended with exit code 1: [^"]*no-such-module-anywhere/g)).toHaveLength(1);
  }, 60_000);

  it('fails the run with its failures, and quietly says nothing', async () => {
    const ran = await muster(
      ...['run', 'shop', '--test-runner', `"${process.execPath}" runner.cjs {test} fail`, '--users', '2', '--quiet'],
      ...['--output', 'junit=failed.xml', '--data', 'two'],
    );
    expect(ran.code, ran.err).toBe(99);
    expect(ran.out).toBe('');
    expect(await readFile(join(folder, 'failed.xml'), 'utf8')).toContain('message="not &lt;fine&gt;"');
  }, 60_000);

  it('finds the packages that were asked for, and what the command names', async () => {
    await mkdir(join(folder, 'greet'));
    await writeFile(join(folder, 'greet', 'package.json'), '{ "name": "greet", "version": "1.0.0" }');
    await writeFile(join(folder, 'greet', 'index.js'), "exports.word = 'hello';\n");
    await writeFile(join(folder, 'greeter.cjs'), `process.argv[2] = require('greet').word;\n${RUNNER}`);
    const ran = await muster(
      ...['run', '--test-runner', `"${process.execPath}" greeter.cjs`, '--npm-dep', './greet', '--data', 'packages'],
      ...['--output', 'file=greeted.jsonl'],
    );
    expect(ran.code, ran.err + ran.out).toBe(0);
    const lines = (await readFile(join(folder, 'greeted.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ kind: 'end', summary: { counts: { addSuccess: 1 } } });
  }, 60_000);

  it('takes everything from a config file, in the words of the original', async () => {
    await writeFile(
      join(folder, 'loads.ini'),
      `[loads]\nfqn = shop\ntest_runner = "${process.execPath}" runner.cjs {test}\nusers = 4\nhits = 1\ninclude_file =\n    data/word.txt\noutput =\n    stdout\n    null\n`,
    );
    const ran = await muster('run', '--config', 'loads.ini', '--users', '2', '--data', 'three');
    expect(ran.code, ran.err + ran.out).toBe(0);
    expect(ran.out).toContain('2 started, 2 ended');
    expect(ran.out).toContain('word-hello');
  }, 60_000);

  it('is stopped by Ctrl-C with 105', async () => {
    const run = start([
      ...['run', 'shop', '--test-runner', `"${process.execPath}" runner.cjs {test} wait`, '-d', '60', '--data', 'four'],
    ]);
    await run.said('run: ');
    run.interrupt();
    const { code, out, err } = await run.ended;
    expect(code, err + out).toBe(105);
    expect(out).toContain('stopping the run');
  }, 60_000);

  it.each<[string, readonly string[]]>([
    ['no test', ['run']],
    ['a flag of tests', ['run', '--test-runner', 'x', '-i', '3']],
    ['a flag of programs', ['run', 'x.ts', '--include-file', 'data/*']],
    ['Python packages', ['run', '--test-runner', 'x', '--python-dep', 'requests']],
    ['a file that is not there', ['run', '--test-runner', 'x', '--include-file', 'gone/*']],
    ['an output that is none', ['run', '--test-runner', 'x', '--output', 'funkload']],
    ['a config file with an unknown key', ['run', '--config', 'wrong.json']],
    ['a host that is none', ['ping', '--ssh', '-oProxyCommand=x']],
  ])('refuses %s with 104', async (_, argv) => {
    await writeFile(join(folder, 'wrong.json'), '{ "colour": "red" }');
    const ran = await muster(...argv);
    expect(ran.code, ran.out).toBe(104);
    expect(ran.err).toMatch(/muster: \[|error: /);
  });
});

describe('an external program on a cluster', () => {
  it('is left alone, followed again, and purged; the cluster is checked', async () => {
    const up = start(['up', '--agents', '2', '--frontend', 'tcp://127.0.0.1:*', '--data', 'five']);
    try {
      const said = await up.said('ask it:');
      const broker = /broker on (\S+)/.exec(said)?.[1] ?? '';
      await using client = await connectOriginal(broker);
      const checked = await muster('--check-cluster', '-b', broker);
      expect(checked.code, checked.err + checked.out).toBe(0);
      expect(checked.out).toContain('2 of 2 free agents counted: passed');

      const runner = `"${process.execPath}" runner.cjs {test} wait`;
      const args = [
        'run',
        '-b',
        broker,
        'shop',
        '--test-runner',
        runner,
        '-d',
        '60',
        '-a',
        '1',
        '--detach',
        '--user-id',
        'jo',
      ];
      const [first, second] = [await muster(...args), await muster(...args)];
      expect([first.code, second.code], first.err + second.err).toEqual([0, 0]);
      const [one, two] = [first.out.trim(), second.out.trim()];
      expect((await client.getMetadata(one)).user_id).toBe('jo');

      const runs = JSON.parse((await muster('runs', '-b', broker, '--json')).out) as { id: string; state: string }[];
      expect(runs.map(({ id, state }) => [id, state])).toContainEqual([one, 'running']);
      const shown = await muster('show', one.slice(0, 12), '-b', broker);
      expect(shown.out).toContain(`run ${one} (shop) is running`);

      const unsure = await muster('attach', '-b', broker);
      expect(unsure.code).toBe(104);
      expect(unsure.err).toContain(one);
      const attached = start(['attach', two, '-b', broker, '--output', 'console']);
      const purged = await muster('--purge-broker', '-b', broker);
      expect(purged.out).toContain(one);
      expect(purged.out).toContain(two);
      const followed = await attached.ended;
      expect(followed.code, followed.err + followed.out).not.toBe(122);
      // The other one may still be ending: its agent is not the same.
      await vi.waitFor(async () => expect(await client.listRuns()).toEqual([]), { timeout: 30_000 });
      const none = await muster('attach', '-b', broker);
      expect(none.err).toContain('no run is active');
      expect((await muster('stop', two, '-b', broker)).err).toContain('RUN_OVER');
      expect((await muster('stop', '5c2e8e8e', '-b', broker)).err).toContain('RUN_UNKNOWN');
    } finally {
      up.interrupt();
      await up.ended;
    }
  }, 90_000);
});

describe('a broker of the original', () => {
  it('is asked, followed and purged', async () => {
    const RUN = '5c2e8e8e-3f0a-4c1c-9c55-0d8a4d3f9a11';
    const active = { [RUN]: [['vm-1', 1.5]] };
    let over = false;
    const broker = await RawBroker.start({
      CTRL_RUN: () => [{ result: { agents: ['vm-1'], run_id: RUN } }, { result: null }],
      CTRL_LIST_RUNS: () => ({ result: over ? {} : active }),
      CTRL_STOP_RUN: () => ({ result: ['vm-1'] }),
      CTRL_GET_COUNTS: () => ({ result: { startTest: 2, stopTest: 2, addError: 1, addSuccess: 1 } }),
      CTRL_GET_METADATA: () => ({ result: { started: 10, ended: 12.5 } }),
      CTRL_GET_DATA: () => ({ error: [RUN, '  File "db.py"'] }),
    });
    try {
      const ping = await muster('--ping-broker', '-b', broker.endpoint);
      expect(ping.out).toContain('broker of Loads, process 15723, 1 agents, 1 runs');
      const run = start([
        'run',
        '-b',
        broker.endpoint,
        '-a',
        '1',
        '--test-runner',
        './go',
        '--hits',
        '2',
        '--output',
        'stdout',
      ]);
      await broker.until(() => broker.asked.some(({ command }) => command === 'CTRL_RUN'));
      expect(broker.asked.find(({ command }) => command === 'CTRL_RUN')?.args).toMatchObject({
        test_runner: './go',
        hits: [2],
      });
      over = true;
      broker.publish(
        JSON.stringify({
          data_type: 'startTest',
          run_id: RUN,
          agent_id: 'vm-1',
          test: 't',
          loads_status: [2, 1, 1, 1],
        }),
      );
      broker.publish(JSON.stringify({ data_type: 'run-finished', run_id: RUN }));
      const ran = await run.ended;
      expect(ran.code, ran.err + ran.out).toBe(99);
      expect(ran.out).toContain('2 started, 2 ended');
      over = false;
      expect((await muster('purge', '-b', broker.endpoint)).out).toBe(`run ${RUN} is stopping\n`);
    } finally {
      broker.close();
    }
  }, 60_000);
});
