import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Program, startProgram } from '../support/agent-program.js';
import { RawBroker, type RawBrokerOptions } from './support/raw-broker.js';
import { makeZip } from './support/zip.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-original-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const openBroker = async (options: RawBrokerOptions = {}): Promise<RawBroker> => {
  const broker = await RawBroker.open(options);
  closers.push(() => broker.close());
  return broker;
};
const openAgent = (broker: RawBroker, argv: readonly string[] = []): Program => {
  const program = startProgram([
    ...['--broker', broker.endpoints.frontend ?? '', '--data', join(folder, 'data'), '--node', 'node'],
    ...['--workers', '1', '--debug', ...argv],
  ]);
  closers.push(() => program.kill());
  return program;
};
const openBoth = async (options: RawBrokerOptions = {}, argv: readonly string[] = []) => {
  const broker = await openBroker(options);
  const program = openAgent(broker, argv);
  return { broker, program, agent: await broker.agent() };
};

const filesOf = (files: Readonly<Record<string, string>>): string =>
  makeZip(Object.entries(files).map(([name, text]) => ({ name, text, mode: 0o100755 }))).toString('base64');
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
};
/** Waits for what no message tells of. */
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};
const statusOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }): unknown =>
  (body.result as { status?: unknown }).status;
const pidIn = ({ body }: { readonly body: Readonly<Record<string, unknown>> }): number =>
  (body.result as { pids: number[] }).pids[0] ?? 0;

/** Ends by itself; says on its standard output what it found. */
const ENDS = '#!/bin/sh\nenv | grep LOADS_ > env.$LOADS_CURRENT_USER\npwd >> where\nexit 0\n';
const STAYS = '#!/bin/sh\nexec sleep 600\n';

describe('an agent of ours at a broker of the original', () => {
  it('registers with what the original wants to know, and answers with its frames', async () => {
    const { broker, program, agent } = await openBoth();
    const pid = program.child.pid ?? 0;
    expect(agent).toBe(`${hostname()}-${pid}`);
    expect(broker.registrations[0]?.[0]).toBe('REGISTER');
    expect(JSON.parse(broker.registrations[0]?.[1] ?? '')).toEqual({ pid, hostname: hostname(), agent_id: agent });
    const alone = await broker.ask(agent, { command: '_STATUS', run_id: null });
    expect(alone.frames).toEqual(['', agent, '']);
    expect(alone.body).toEqual({
      result: { status: {}, command: '_STATUS' },
      hostname: hostname(),
      agent_id: agent,
      pid,
    });
    const client = Buffer.from([0, 1, 2, 3, 4]);
    const asked = await broker.ask(agent, { command: 'STATUS' }, client);
    expect(asked.frames).toEqual(['', agent, '', String(client), '']);
    expect(asked.body.result).toEqual({ status: {}, command: 'STATUS' });
  });

  it('answers what it can’t do with an error, where the original says nothing', async () => {
    const { broker, agent } = await openBoth();
    const unknown = await broker.ask(agent, { command: 'DANCE' });
    expect(unknown.body.error).toEqual({ agent_id: agent, error: 'unknown command DANCE' });
    const before = broker.answers.length;
    for (const text of ['{', '[]', '"RUN"', '{}', '{"command":"RUN"}', '{"command":"RUN","args":7}'])
      await broker.tellRaw(agent, text);
    await broker.until(() => broker.answers.length === before + 6);
    for (const { body } of broker.answers.slice(before)) expect(body.error).toMatchObject({ agent_id: agent });
    const python = await broker.ask(agent, { command: 'RUN', run_id: 'r', args: { fqn: 'pkg.mod.Case.test' } });
    expect(python.body.error).toMatchObject({ error: expect.stringContaining('nothing that this agent can run') });
  });

  it('runs a program that came along, for each user of each step, in the folder of the run', async () => {
    const { broker, agent } = await openBoth();
    const args = { test_runner: './go.sh {test}', fqn: 'my.test', users: '1:3', hits: [2, 4], test_dir: 'work' };
    const filedata = filesOf({ 'go.sh': ENDS, 'lib/more.txt': 'x' });
    const answer = await broker.ask(agent, { command: 'RUN', run_id: 'run-1', args, filedata, agents: 1, async: true });
    expect(answer.body.result).toEqual({ pids: [expect.any(Number)], agent_id: agent, command: 'RUN' });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    expect(broker.rows).toEqual([
      { data_type: 'startTestRun', agent_id: agent, run_id: 'run-1' },
      { data_type: 'stopTestRun', agent_id: agent, run_id: 'run-1' },
    ]);
    const where = join(folder, 'data', `work${agent}`, 'run-1');
    expect((await readdir(where)).sort()).toEqual(['env.1', 'env.2', 'env.3', 'go.sh', 'lib', 'where']);
    expect(readFileSync(join(where, 'where'), 'utf8')).toBe(`${where}\n`.repeat(4));
    expect(readFileSync(join(where, 'env.3'), 'utf8').trim().split('\n').sort()).toEqual([
      `LOADS_AGENT_ID=${agent}`,
      'LOADS_CURRENT_USER=3',
      'LOADS_RUN_ID=run-1',
      'LOADS_TOTAL_HITS=4',
      'LOADS_TOTAL_USERS=3',
      `LOADS_ZMQ_RECEIVER=${broker.endpoints.receiver}`,
    ]);
    const pid = pidIn(answer);
    await until(async () => {
      const status = statusOf(await broker.ask(agent, { command: '_STATUS', run_id: 'run-1' }));
      return JSON.stringify(status) === JSON.stringify({ [pid]: { status: 'terminated', run_id: 'run-1' } });
    });
  });

  it('stops the whole of what a program started, with SIGKILL where SIGTERM does not do, and reaps leftovers', async () => {
    const { broker, agent } = await openBoth();
    // Deaf to SIGTERM, and so is the child that it starts.
    const deaf = "#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $! > ../child\nwait\nsleep 600\n";
    const filedata = filesOf({ 'go.sh': deaf });
    const args = { test_runner: './go.sh', duration: 600 };
    const started = await broker.ask(agent, { command: 'RUN', run_id: 'run-1', args, filedata });
    const parent = pidIn(started);
    const childFile = join(folder, 'data', 'runs', 'child');
    const child = (): number => Number(readFileSync(childFile, 'utf8'));
    await until(() => readdir(join(folder, 'data', 'runs')).then((names) => names.includes('child') && child() > 0));
    const running = { [parent]: { status: 'running', run_id: 'run-1' } };
    expect(statusOf(await broker.ask(agent, { command: '_STATUS', run_id: 'run-1' }))).toEqual(running);
    expect(statusOf(await broker.ask(agent, { command: '_STATUS', run_id: 'another' }))).toEqual({});
    // After 4 s it says what still runs; a second later that is killed.
    expect((await broker.ask(agent, { command: 'STOP' })).body.result).toEqual({ status: running, command: 'STOP' });
    await until(() => !isAlive(parent) && !isAlive(child()));
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    await until(async () => (await readdir(join(folder, 'data', 'runs'))).join() === 'child');
  });

  it('reaps what a program left behind when it ended', async () => {
    const { broker, agent } = await openBoth();
    const filedata = filesOf({ 'go.sh': '#!/bin/sh\nsleep 600 &\necho $! > ../child\nexit 3\n' });
    await broker.tell(agent, {
      command: 'RUN',
      run_id: 'run-1',
      args: { test_runner: './go.sh', hits: 100 },
      filedata,
    });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    expect(isAlive(Number(readFileSync(join(folder, 'data', 'runs', 'child'), 'utf8')))).toBe(false);
  });

  it('refuses QUIT while it works; forced, it ends what runs and leaves', async () => {
    const { broker, program, agent } = await openBoth();
    const filedata = filesOf({ 'go.sh': STAYS });
    const args = { test_runner: './go.sh', duration: 600 };
    const pid = pidIn(await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata }));
    const refused = await broker.ask(agent, { command: 'QUIT' });
    expect(refused.body.result).toEqual({ status: { [pid]: { status: 'running', run_id: 'r' } }, command: 'QUIT' });
    expect(isAlive(pid)).toBe(true);
    const forced = await broker.ask(agent, { command: 'QUIT', force: true });
    expect(forced.body.result).toEqual({ status: {}, command: 'QUIT' });
    expect(await program.exit).toBe(0);
    expect(isAlive(pid)).toBe(false);
    await broker.until(() => broker.registrations.at(-1)?.[0] === 'UNREGISTER');
    expect(broker.registrations.at(-1)).toEqual(['UNREGISTER', agent]);
  });

  it('leaves when it is told to quit and does nothing; the answer comes first', async () => {
    const { broker, program, agent } = await openBoth();
    expect((await broker.ask(agent, { command: 'QUIT' })).body.result).toEqual({ status: {}, command: 'QUIT' });
    expect(await program.exit).toBe(0);
  });

  it('tells of a program that can’t be started, in its answer and in rows', async () => {
    const { broker, agent } = await openBoth();
    const answer = await broker.ask(agent, { command: 'RUN', run_id: 'r', args: { test_runner: './none', users: 3 } });
    expect(answer.body.error).toMatchObject({ agent_id: agent, error: expect.stringContaining('ENOENT') });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    expect(broker.rows.map(({ data_type }) => data_type)).toEqual(['startTestRun', 'addError', 'stopTestRun']);
    expect(broker.rowsOf('addError')[0]).toMatchObject({ test: './none', loads_status: [0, 0, 0, 0] });
  });

  it('refuses files that leave the folder of the run', async () => {
    const { broker, agent } = await openBoth();
    const filedata = filesOf({ '../../escaped': 'x' });
    const answer = await broker.ask(agent, { command: 'RUN', run_id: 'r', args: { test_runner: 'true' }, filedata });
    expect(answer.body.error).toMatchObject({ error: expect.stringContaining('leaves the folder') });
    expect(await readdir(folder)).toEqual(['data']);
  });

  it('registers at each sign of the heartbeat while it is idle, and again when it becomes idle', async () => {
    const { broker, agent } = await openBoth({ heartbeat: true });
    await until(async () => {
      await broker.beat('BEAT');
      return broker.registrations.length >= 2;
    });
    const filedata = filesOf({ 'go.sh': STAYS });
    await broker.ask(agent, { command: 'RUN', run_id: 'r', args: { test_runner: './go.sh', duration: 600 }, filedata });
    const before = broker.registrations.length;
    await broker.beat('REGISTER');
    await broker.ask(agent, { command: '_STATUS' });
    expect(broker.registrations).toHaveLength(before);
    await broker.beat('REGISTER');
    await broker.ask(agent, { command: 'STOP' });
    await broker.until(() => broker.registrations.length > before);
  });

  it('leaves when the heartbeat stops while it is idle', async () => {
    const { broker, program } = await openBoth({ heartbeat: true }, ['--broker-lost-ms', '300']);
    expect(await program.exit).toBe(0);
    expect(program.log()).toContain('the broker is lost');
    expect(broker.registrations.at(-1)?.[0]).toBe('UNREGISTER');
  });

  it('carries on without the heartbeat while it works, and leaves when that is done', async () => {
    const { broker, program, agent } = await openBoth({ heartbeat: true }, ['--broker-lost-ms', '1000']);
    const filedata = filesOf({ 'go.sh': '#!/bin/sh\nsleep 3\necho done > ../done\n' });
    const args = { test_runner: './go.sh', duration: 600 };
    await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata });
    await broker.close();
    expect(await program.exit).toBe(0);
    expect(readFileSync(join(folder, 'data', 'runs', 'done'), 'utf8')).toBe('done\n');
  });

  it('registers again when a broker comes back, whatever that calls itself', async () => {
    const { broker, agent } = await openBoth();
    await broker.close();
    const next = await openBroker({ at: broker.endpoints, pid: '4712' });
    expect(await next.agent()).toBe(agent);
    expect((await next.ask(agent, { command: '_STATUS' })).body.result).toMatchObject({ command: '_STATUS' });
  });

  it('leaves when it is too old and idle, and signs off', async () => {
    const { broker, program } = await openBoth({}, ['--max-age', '1', '--max-age-delta', '1']);
    expect(await program.exit).toBe(0);
    await broker.until(() => broker.registrations.some(([verb]) => verb === 'UNREGISTER'));
  });

  it('does not leave its run in the lurch when a signal ends it', async () => {
    const { broker, program, agent } = await openBoth();
    const filedata = filesOf({ 'go.sh': STAYS });
    const args = { test_runner: './go.sh', duration: 600 };
    const pid = pidIn(await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata }));
    const before = broker.answers.length;
    program.child.kill('SIGTERM');
    expect(await program.exit).toBe(0);
    expect(isAlive(pid)).toBe(false);
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1 && broker.answers.length > before);
    expect(broker.answers.at(-1)?.body.result).toEqual({ status: {}, command: 'STOP' });
    await broker.until(() => broker.registrations.some(([verb]) => verb === 'UNREGISTER'));
  });
});

describe('a test file of ours under a broker of the original', () => {
  let server: Server;
  let url: string;
  let served = 0;
  beforeEach(async () => {
    served = 0;
    server = createServer((_, response) => {
      served += 1;
      response.end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
  });

  const countsOf = (broker: RawBroker): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const row of broker.rowsOf('batch'))
      for (const [kind, rows] of Object.entries(row.counts as Record<string, { size?: number }[]>))
        counts[kind] = rows.reduce((sum, { size = 1 }) => sum + size, counts[kind] ?? 0);
    return counts;
  };

  /** Rows of a kind, over all batches. */
  const rowsOfKind = (broker: RawBroker, kind: string): { readonly loads_status?: readonly number[] }[] =>
    broker.rowsOf('batch').flatMap(({ counts }) => (counts as Record<string, object[]>)[kind] ?? []);

  it('is run by a worker, its results told as rows of the original, all of them', async () => {
    const { broker, agent } = await openBoth();
    const test = `import { http, Counter } from '@muster/script';
const seen = new Counter('seen');
export const options = { scenarios: { other: { executor: 'constant-vus', vus: 9, duration: '9m' } } };
export const visit = async () => { await http.get(__ENV.BASE_URL); seen.add(2); };
export default () => { throw new Error('not this one'); };`;
    const filedata = filesOf({ 'tests/visit.ts': test });
    const args = { fqn: 'tests/visit.ts:visit', users: '1:2', hits: '2:3', server_url: url };
    const answer = await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata });
    expect(answer.body.result).toMatchObject({ pids: [expect.any(Number)], command: 'RUN' });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    const times = 5 + 2 * 5;
    expect(served).toBe(times);
    expect(countsOf(broker)).toEqual({
      startTest: times,
      add_hit: times,
      addSuccess: times,
      stopTest: times,
      seen: 2 * times,
    });
    // Each row has its own position: hits and users of its stage, hit from 1, user from 0.
    const stage = (users: number, user: number) =>
      [
        [2, 1],
        [2, 2],
        [3, 1],
        [3, 2],
        [3, 3],
      ].map(([hits, hit]) => [hits, users, hit, user]);
    const all = [...stage(1, 0), ...stage(2, 0), ...stage(2, 1)].map(String).sort();
    for (const kind of ['startTest', 'add_hit', 'addSuccess', 'stopTest', 'seen'])
      expect(
        rowsOfKind(broker, kind)
          .map(({ loads_status }) => String(loads_status))
          .sort(),
        kind,
      ).toEqual(all);
    const [first] = broker.rowsOf('batch');
    expect(first).toMatchObject({ agent_id: agent, run_id: 'r', hostname: hostname() });
    const hits = broker.rowsOf('batch').flatMap(({ counts }) => (counts as { add_hit?: object[] }).add_hit ?? []);
    expect(hits[0]).toMatchObject({ url, method: 'GET', status: 200, elapsed: expect.any(Number) });
    expect((hits[0] as { started: string }).started).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+$/);
  });

  it('tells its sockets, message by message', async () => {
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Hello\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      for (const text of ['hello', 'you']) socket.write(Buffer.from([0x81, text.length, ...Buffer.from(text)]));
      socket.end(Buffer.from([0x88, 0]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { broker, agent } = await openBoth();
    const test = `import { ws } from '@muster/script';
export default async () => { const socket = await ws.connect('/chat'); await socket.closed; };`;
    const args = { fqn: 'chat.ts', hits: 2, server_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    await broker.tell(agent, { command: 'RUN', run_id: 'r', args, filedata: filesOf({ 'chat.ts': test }) });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    server.close();
    expect(rowsOfKind(broker, 'socket_open')).toEqual([{}, {}]);
    expect(rowsOfKind(broker, 'socket_close')).toEqual([{}, {}]);
    expect(rowsOfKind(broker, 'socket_message')).toEqual([{ size: 5 }, { size: 3 }, { size: 5 }, { size: 3 }]);
    expect(rowsOfKind(broker, 'addSuccess')).toHaveLength(2);
  });

  it('tells errors and failures of the test', async () => {
    const { broker, agent } = await openBoth();
    const test = `import assert from 'node:assert';
let turn = 0;
export default () => { turn += 1; if (turn % 2 === 0) assert.equal(1, 2); throw new Error('boom'); };`;
    const args = { fqn: 'bad.ts', hits: 4 };
    await broker.tell(agent, { command: 'RUN', run_id: 'r', args, filedata: filesOf({ 'bad.ts': test }) });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    expect(countsOf(broker)).toMatchObject({ startTest: 4, addError: 2, addFailure: 2, stopTest: 4 });
  });

  it('is stopped with its open second told', async () => {
    const { broker, agent } = await openBoth();
    const test = `export default async () => { await new Promise((resolve) => setTimeout(resolve, 10)); };`;
    const args = { fqn: 'long.ts', duration: 600 };
    await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata: filesOf({ 'long.ts': test }) });
    await broker.until(() => broker.rowsOf('batch').length > 0);
    await broker.tell(agent, { command: 'STOP' });
    await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
    const { startTest, stopTest } = countsOf(broker);
    expect(startTest).toBe(stopTest);
    const rows = rowsOfKind(broker, 'startTest').map(({ loads_status }) => loads_status);
    expect(rows).toEqual(rows.map((_, index) => [0, 1, index + 1, 0]));
  });

  it('is refused with the reason when it does not parse, or did not come along', async () => {
    const { broker, agent } = await openBoth();
    const broken = { command: 'RUN', run_id: 'a', args: { fqn: 'a.ts' }, filedata: filesOf({ 'a.ts': 'const = 1' }) };
    expect((await broker.ask(agent, broken)).body.error).toMatchObject({
      error: expect.stringContaining('SCRIPT_SYNTAX'),
    });
    const missing = { command: 'RUN', run_id: 'b', args: { fqn: 'b.ts' }, filedata: filesOf({ 'a.ts': '' }) };
    expect((await broker.ask(agent, missing)).body.error).toMatchObject({
      error: expect.stringContaining('not among the files'),
    });
  });
});
