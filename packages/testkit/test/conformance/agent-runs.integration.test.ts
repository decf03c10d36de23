import { existsSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AgentStage, isAlive } from './support/agent-stage.js';
import type { Plain } from './support/client.js';
import { until } from './support/wait.js';
import { filedata } from './support/zip.js';

let stage: AgentStage;
beforeAll(async () => {
  stage = await AgentStage.open();
});
afterAll(() => stage.close());

const kinds = (rows: readonly Plain[]): unknown[] => rows.map(({ data_type }) => data_type);
const STAYS = 'exec sleep 600';
const lines = (text = ''): string[] => text.trim().split('\n').sort();

describe.concurrent('RUN of a program', () => {
  it('is answered with the process, the agent and the command', async () => {
    const run_id = stage.newRun();
    const { result } = (await stage.ask({ command: 'RUN', run_id, args: { test_runner: 'true' } })).body;
    expect(result).toEqual({ pids: [expect.any(Number)], agent_id: stage.agent, command: 'RUN' });
    await stage.broker.hearsEnd(run_id);
  });

  it('brings startTestRun first and stopTestRun last, with the agent and the run and nothing else', async () => {
    const { run_id } = await stage.run('true');
    const ids = { agent_id: stage.agent, run_id };
    expect(await stage.broker.hearsEnd(run_id)).toEqual([
      { data_type: 'startTestRun', ...ids },
      { data_type: 'stopTestRun', ...ids },
    ]);
  });

  it('gives it the receiver, the agent, the run, users and hits in its environment', async () => {
    const { env } = await stage.runs('env | grep ^LOADS_ > $OUT/env', { hits: 5 });
    const run = /^LOADS_RUN_ID=(.*)$/m.exec(env ?? '')?.[1] ?? '';
    expect(stage.broker.rowsOf(run)).toHaveLength(2);
    expect(lines(env)).toEqual([
      `LOADS_AGENT_ID=${stage.agent}`,
      'LOADS_CURRENT_USER=1',
      `LOADS_RUN_ID=${run}`,
      'LOADS_TOTAL_HITS=5',
      'LOADS_TOTAL_USERS=1',
      `LOADS_ZMQ_RECEIVER=${stage.broker.places.receiver}`,
    ]);
  });

  it('gives it LOADS_DURATION in place of hits when it goes by time', async () => {
    const { env } = await stage.runs('env | grep ^LOADS_ > $OUT/env', { duration: 3 });
    expect(lines(env)).toContain('LOADS_DURATION=3');
    expect(env).not.toContain('LOADS_TOTAL_HITS');
  });

  it('gives it the server’s URL when the run has one', async () => {
    const { url } = await stage.runs('echo $LOADS_SERVER_URL > $OUT/url', { server_url: 'http://x:1/' });
    expect(url).toBe('http://x:1/\n');
  });

  it('starts a process for each user, who count from one', async () => {
    const out = await stage.runs('echo $LOADS_TOTAL_USERS > $OUT/$LOADS_CURRENT_USER', { users: 4 });
    expect(out).toEqual({ '1': '4\n', '2': '4\n', '3': '4\n', '4': '4\n' });
  });

  it('goes step by step through users and hits, and repeats the last of the shorter list', async () => {
    const script = 'echo $LOADS_TOTAL_USERS.$LOADS_CURRENT_USER.$LOADS_TOTAL_HITS >> $OUT/all.$LOADS_CURRENT_USER';
    const out = await stage.runs(script, { users: '1:2', hits: '3:4:5' });
    expect(out).toEqual({ 'all.1': '1.1.3\n2.1.4\n2.1.5\n', 'all.2': '2.2.4\n2.2.5\n' });
  });

  it('takes users and hits as text, as numbers and as lists', async () => {
    const script = 'echo $LOADS_TOTAL_USERS.$LOADS_TOTAL_HITS >> $OUT/all';
    for (const args of [
      { users: '1', hits: '7' },
      { users: 1, hits: 7 },
      { users: [1], hits: ['7'] },
    ])
      expect(await stage.runs(script, args)).toEqual({ all: '1.7\n' });
  });

  it('makes one user and one hit when nothing is said', async () => {
    expect(await stage.runs('echo $LOADS_TOTAL_USERS.$LOADS_TOTAL_HITS >> $OUT/all')).toEqual({ all: '1.1\n' });
  });

  it('puts the test’s name where the command says {test}, and splits the command without a shell', async () => {
    const script = 'for word in "$@"; do echo "$word" >> $OUT/words; done';
    const out = await stage.runs(script, { test_runner: './go.sh {test} "two words" $HOME ; x={test}', fqn: 'a.b.C' });
    expect(out).toEqual({ words: 'a.b.C\ntwo words\n$HOME\n;\nx=a.b.C\n' });
  });

  it('gives it no input, and a session of its own', async () => {
    const { all } = await stage.runs('cat > $OUT/all; ps -o sid= -p $$ | tr -d " " | sed "s/^$$\\$/own/" >> $OUT/all');
    expect(all).toBe('own\n');
  });

  it('takes its rows to where it is told, as one message each', async () => {
    const zeromq = createRequire(import.meta.url).resolve('zeromq');
    const program = `const { Push } = require(${JSON.stringify(zeromq)});
(async () => {
  const push = new Push({ linger: 5000 });
  push.connect(process.env.LOADS_ZMQ_RECEIVER);
  const { LOADS_AGENT_ID: agent_id, LOADS_RUN_ID: run_id } = process.env;
  for (const data_type of ['startTest', 'stopTest']) await push.send(JSON.stringify({ data_type, agent_id, run_id, test: 't' }));
  push.close();
})();`;
    const { run_id } = await stage.run(`exec ${process.execPath} push.cjs`, { hits: 10 }, [
      { name: 'push.cjs', text: program },
    ]);
    expect(kinds(await stage.broker.hearsEnd(run_id))).toEqual([
      'startTestRun',
      'startTest',
      'stopTest',
      'stopTestRun',
    ]);
  });

  it('that can not be started is told in the answer and in rows, where the original says nothing', async () => {
    const run_id = stage.newRun();
    const { error } = (await stage.ask({ command: 'RUN', run_id, args: { test_runner: './none' } })).body;
    expect(error).toMatchObject({ agent_id: stage.agent, error: expect.stringContaining('ENOENT') });
    const rows = await stage.broker.hearsEnd(run_id);
    expect(kinds(rows)).toEqual(['startTestRun', 'addError', 'stopTestRun']);
    expect(rows[1]).toMatchObject({ test: './none', loads_status: [0, 0, 0, 0], exc_info: expect.any(Array) });
  });

  it('that fails is no error of the run', async () => {
    const { run_id } = await stage.run('exit 3');
    expect(kinds(await stage.broker.hearsEnd(run_id))).toEqual(['startTestRun', 'stopTestRun']);
  });

  it('that takes longer than its hits may is told to end', async () => {
    const { run_id, pid } = await stage.run(STAYS, { hits: 2, external_process_timeout: 0.2 });
    await stage.broker.hearsEnd(run_id);
    expect(isAlive(pid)).toBe(false);
  });

  it('that takes longer than its duration and the timeout is told to end', async () => {
    const { run_id, pid } = await stage.run(STAYS, { duration: 0.3, external_process_timeout: 0.2 });
    await stage.broker.hearsEnd(run_id);
    expect(isAlive(pid)).toBe(false);
  });

  it('that leaves processes behind has them ended', async () => {
    const { child } = await stage.runs('sleep 600 &\necho $! > $OUT/child', { hits: 100 });
    expect(isAlive(Number(child))).toBe(false);
  });
});

describe.concurrent('files that come with a RUN', () => {
  it('are in the working folder of the program, with their folders and permissions', async () => {
    const script = 'pwd > $OUT/where; cat lib/a/x.txt > $OUT/x; stat -c %a go.sh lib/a/x.txt > $OUT/modes';
    const { where, x, modes } = await stage.runs(script, {}, [{ name: 'lib/a/x.txt', text: 'inside', mode: 0o640 }]);
    expect(where?.startsWith(stage.folder)).toBe(true);
    expect(x).toBe('inside');
    expect(modes).toBe('755\n640\n');
  });

  it('go away with the run', async () => {
    const { where } = await stage.runs('pwd > $OUT/where');
    await until('no folder', async () => !(await stat((where ?? '').trim()).catch(() => null)));
  });

  it('stay in a folder that the client names, which ends in the agent’s id', async () => {
    const { where } = await stage.runs('pwd > $OUT/where', { test_dir: 'kept' });
    expect(where).toContain(`kept${stage.agent}`);
    expect(await readdir((where ?? '').trim())).toEqual(['go.sh']);
  });

  it('that would leave the folder are refused, all of them', async () => {
    for (const name of ['../escaped', 'a/../../escaped', '..\\escaped', 'a/..']) {
      const files = filedata({ name: 'first', text: 'x' }, { name, text: 'x' });
      const { body } = await stage.ask({
        command: 'RUN',
        run_id: stage.newRun(),
        args: { test_runner: 'true' },
        filedata: files,
      });
      expect(body.error).toMatchObject({ error: expect.stringContaining('leaves the folder') });
    }
    expect((await readdir(stage.folder)).filter((name) => name.includes('escaped'))).toEqual([]);
    expect(
      (await readdir(join(stage.folder, 'data', 'runs')).catch(() => [])).filter((name) => name.includes('escaped')),
    ).toEqual([]);
  });

  it('that begin with a slash lose it, as in the original', async () => {
    expect(await stage.runs('cat etc/mine > $OUT/mine', {}, [{ name: '/etc/mine', text: 'x' }])).toEqual({ mine: 'x' });
  });

  it('that are links are refused', async () => {
    const files = filedata({ name: 'link', text: '/etc/passwd', mode: 0o120777 });
    const { body } = await stage.ask({
      command: 'RUN',
      run_id: stage.newRun(),
      args: { test_runner: 'true' },
      filedata: files,
    });
    expect(body.error).toMatchObject({ error: expect.stringContaining('link') });
  });

  it('get no permission to run as somebody else, which the original restores', async () => {
    const { modes } = await stage.runs('stat -c %a tool > $OUT/modes', {}, [{ name: 'tool', mode: 0o4755 }]);
    expect(modes).toBe('755\n');
  });

  it('that are no zip are refused', async () => {
    const args = { test_runner: 'true' };
    for (const files of ['UEsDBA==', Buffer.from('no zip at all, not even at its end').toString('base64')]) {
      const { body } = await stage.ask({ command: 'RUN', run_id: stage.newRun(), args, filedata: files });
      expect(body.error).toMatchObject({ error: expect.stringContaining('zip') });
    }
  });

  it('may be an empty zip, which the original always sends', async () => {
    const run_id = stage.newRun();
    await stage.result({ command: 'RUN', run_id, args: { test_runner: 'true' }, filedata: filedata() });
    await stage.broker.hearsEnd(run_id);
  });
});

describe.concurrent('RUN of a test file', () => {
  it('runs what the file exports, and its results are batches', async () => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const text = `import { http, Counter } from '@muster/script';
const logins = new Counter('logins');
export default async () => { await http.get('${url}'); logins.add(1); };`;
    const run_id = stage.newRun();
    const args = { fqn: 'shop.ts', users: 2, hits: '2:1' };
    await stage.result({ command: 'RUN', run_id, args, filedata: filedata({ name: 'shop.ts', text }) });
    const rows = await stage.broker.hearsEnd(run_id);
    server.closeAllConnections();
    server.close();
    const total: Record<string, number> = {};
    for (const { counts } of rows.filter(({ data_type }) => data_type === 'batch'))
      for (const [kind, each] of Object.entries(counts as Record<string, Plain[]>))
        total[kind] =
          (total[kind] ?? 0) + each.reduce((sum, { size }) => sum + (typeof size === 'number' ? size : 1), 0);
    expect(total).toMatchObject({ startTest: 6, add_hit: 6, addSuccess: 6, stopTest: 6, logins: 6 });
  });

  it('runs the export that the name says', async () => {
    const run_id = stage.newRun();
    const text = 'export const other = () => { throw new Error("other"); };\nexport default () => {};';
    await stage.result({
      command: 'RUN',
      run_id,
      args: { fqn: 'a.ts:other' },
      filedata: filedata({ name: 'a.ts', text }),
    });
    const rows = await stage.broker.hearsEnd(run_id);
    expect(JSON.stringify(rows)).toContain('"addError"');
  });

  it('that did not come along is an error', async () => {
    const { body } = await stage.ask({
      command: 'RUN',
      run_id: stage.newRun(),
      args: { fqn: 'a.ts' },
      filedata: filedata(),
    });
    expect(body.error).toMatchObject({ error: expect.stringContaining('not among the files') });
  });

  it('of Python is an error that says what can be run here', async () => {
    const { body } = await stage.ask({ command: 'RUN', run_id: stage.newRun(), args: { fqn: 'pkg.mod.Case.test_a' } });
    expect(body.error).toMatchObject({ error: expect.stringContaining('nothing that this agent can run') });
  });

  it('outside of the files is an error', async () => {
    for (const fqn of ['../a.ts', '/etc/a.ts'])
      expect((await stage.ask({ command: 'RUN', run_id: stage.newRun(), args: { fqn } })).body.error).toMatchObject({
        error: expect.stringContaining('nothing that this agent can run'),
      });
  });
});

describe('_STATUS', () => {
  beforeEach(() => stage.isIdle());

  it('tells a worker with its run, first running, then terminated', async () => {
    const { run_id, pid } = await stage.run('read x < /dev/null; sleep 0.3');
    expect(await stage.status(run_id)).toEqual({ [pid]: { status: 'running', run_id } });
    await stage.isIdle();
    expect(await stage.status(run_id)).toEqual({ [pid]: { status: 'terminated', run_id } });
  });

  it('of a run tells that run’s workers only', async () => {
    const [one, two] = [await stage.run('sleep 0.3'), await stage.run('sleep 0.3')];
    expect(Object.keys(await stage.status(one.run_id))).toEqual([String(one.pid)]);
    expect(Object.keys(await stage.status('none'))).toEqual([]);
    expect(Object.keys(await stage.status())).toEqual(expect.arrayContaining([String(one.pid), String(two.pid)]));
    await stage.broker.hearsEnd(two.run_id);
  });

  it('calls a run running until its last row is out', async () => {
    const { run_id } = await stage.run('true');
    await until('its end', async () => {
      const [worker] = Object.values(await stage.status(run_id)) as Plain[];
      return worker?.status === 'terminated';
    });
    expect(kinds(stage.broker.rowsOf(run_id))).toContain('stopTestRun');
  });
});

describe('STOP', () => {
  beforeEach(() => stage.isIdle());

  it('ends everything that runs, and is answered with it', async () => {
    const { run_id, pid } = await stage.run(STAYS, { duration: 600 });
    expect(await stage.result({ command: 'STOP' })).toEqual({
      status: { [pid]: { status: 'terminated', run_id } },
      command: 'STOP',
    });
    expect(isAlive(pid)).toBe(false);
  });

  it('ends every run of the agent when it names none, as the original’s broker says it', async () => {
    const [one, two] = [await stage.run(STAYS, { duration: 600 }), await stage.run(STAYS, { duration: 600 })];
    const { status } = await stage.result({ command: 'STOP' });
    expect(Object.keys(status as Plain).sort()).toEqual([String(one.pid), String(two.pid)].sort());
    expect([isAlive(one.pid), isAlive(two.pid)]).toEqual([false, false]);
  });

  it('brings stopTestRun, which the original leaves out for a worker that is ended', async () => {
    const { run_id } = await stage.run(STAYS, { duration: 600 });
    await stage.result({ command: 'STOP' });
    expect(kinds(await stage.broker.hearsEnd(run_id)).at(-1)).toBe('stopTestRun');
  });

  it('lets no further step begin', async () => {
    const args = { users: '1:1:1', hits: 1_000, test_dir: 'steps' };
    const { run_id } = await stage.run('echo x >> steps\nexec sleep 600', args);
    const steps = join(stage.folder, 'data', `steps${stage.agent}`, run_id, 'steps');
    await until('the first step', () => existsSync(steps));
    await stage.result({ command: 'STOP' });
    await stage.broker.hearsEnd(run_id);
    expect(readFileSync(steps, 'utf8')).toBe('x\n');
  });

  it('kills after 5 s what is deaf to SIGTERM, with everything that it started', async () => {
    const script = "trap '' TERM\nsleep 600 &\necho $! > child\nwait\nsleep 600";
    const { run_id, pid } = await stage.run(script, { duration: 600, test_dir: 'deaf' });
    const file = join(stage.folder, 'data', `deaf${stage.agent}`, run_id, 'child');
    const child = await until('its child', () => existsSync(file) && Number(readFileSync(file, 'utf8')));
    // It says what still runs before clients lose their patience.
    expect(await stage.result({ command: 'STOP' })).toEqual({
      status: { [pid]: { status: 'running', run_id } },
      command: 'STOP',
    });
    await stage.broker.hearsEnd(run_id);
    expect([isAlive(pid), isAlive(child)]).toEqual([false, false]);
  });
});
