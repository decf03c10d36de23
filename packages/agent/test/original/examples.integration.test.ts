import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProgram } from '../support/agent-program.js';
import { RawBroker } from './support/raw-broker.js';
import { makeZip } from './support/zip.js';

/** Debian's modules are for this Python, which need not be the first on the path. */
const PYTHON = '/usr/bin/python3';
const hasZmq = spawnSync(PYTHON, ['-c', 'import zmq']).status === 0;
/** Without python3-zmq the test of Python is left out by name; where everything must be there it fails. */
const mayLeaveOut = process.env.CI !== 'true';

const EXAMPLES = fileURLToPath(new URL('../../../../examples/external/', import.meta.url));

let folder: string;
let server: Server;
let url: string;
let served = 0;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-examples-'));
  served = 0;
  // The third of each user's hits is no success.
  server = createServer((_, response) => {
    served += 1;
    response.statusCode = served % 3 === 0 ? 503 : 200;
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const run = async (files: readonly string[], args: Readonly<Record<string, unknown>>): Promise<RawBroker> => {
  const broker = await RawBroker.open();
  closers.push(() => broker.close());
  const program = startProgram(['--broker', broker.endpoints.frontend ?? '', '--data', folder]);
  closers.push(() => program.kill());
  const agent = await broker.agent();
  const filedata = makeZip(
    files.map((file) => ({
      name: file.replace(/^.*\//, ''),
      text: readFileSync(join(EXAMPLES, file), 'utf8'),
      mode: 0o100755,
    })),
  ).toString('base64');
  const answer = await broker.ask(agent, { command: 'RUN', run_id: 'run-1', args, filedata });
  expect(answer.body.result).toMatchObject({ command: 'RUN' });
  await broker.until(() => broker.rowsOf('stopTestRun').length === 1);
  return broker;
};

const countsOf = (broker: RawBroker): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { data_type } of broker.rows) counts[String(data_type)] = (counts[String(data_type)] ?? 0) + 1;
  return counts;
};

const cases = [
  { name: 'Python', files: ['python/runner.py'], command: `${PYTHON} runner.py`, isHere: hasZmq },
  {
    name: 'plain Node',
    files: ['node/runner.mjs', 'node/push.mjs'],
    command: `${process.execPath} runner.mjs`,
    isHere: true,
  },
];

describe.each(cases)('the external runner in $name', ({ files, command, isHere }) => {
  it.skipIf(!isHere && mayLeaveOut)('tells every hit of every user, by hits', async () => {
    const args = { test_runner: `${command} ${url}`, users: 3, hits: 4, external_process_timeout: 15 };
    const broker = await run(files, args);
    expect(served).toBe(12);
    expect(countsOf(broker)).toEqual({
      startTestRun: 1,
      startTest: 12,
      add_hit: 12,
      addSuccess: 8,
      addFailure: 4,
      stopTest: 12,
      stopTestRun: 1,
    });
    const [hit] = broker.rowsOf('add_hit');
    expect(hit).toMatchObject({ url, method: 'GET', run_id: 'run-1', elapsed: expect.any(Number) });
    const statuses = broker.rowsOf('startTest').map(({ loads_status }) => JSON.stringify(loads_status));
    expect(new Set(statuses).size).toBe(12);
    expect(statuses).toContain('[4,3,4,3]');
    expect(broker.rowsOf('addFailure')[0]?.exc_info).toHaveLength(3);
    expect(broker.rowsOf('addFailure')[0]?.exc_info).toContain('the answer was 503');
  });

  it.skipIf(!isHere && mayLeaveOut)('goes by time, takes the URL from the run, and tells errors', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const broker = await run(files, {
      test_runner: command,
      duration: 1,
      server_url: url,
      external_process_timeout: 15,
    });
    const { startTest, addError, stopTest } = countsOf(broker);
    expect(startTest).toBeGreaterThan(0);
    expect([addError, stopTest]).toEqual([startTest, startTest]);
    expect(broker.rowsOf('startTest')[0]?.loads_status).toEqual([0, 1, 1, 1]);
  });
});
