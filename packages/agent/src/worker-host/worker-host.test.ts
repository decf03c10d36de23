import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerNews } from '@muster/engine';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerExit } from './worker-exit.js';
import { WorkerHost } from './worker-host.js';

const ENTRY = fileURLToPath(new URL('../../test/support/fake-worker.mjs', import.meta.url));
/** Two lines of a bundle whose map says: line 2, column 3 is test.ts:7:5. */
const MAP = { version: 3, sources: ['test.ts'], names: [], mappings: ';EAMI' };
const BUNDLE = `// a bundle\n  boom();\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(MAP)).toString('base64')}\n`;

let folder: string;
let bundlePath: string;
const started: WorkerHost[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-host-'));
  bundlePath = join(folder, 'bundle.mjs');
  await writeFile(bundlePath, BUNDLE);
});
afterEach(() => {
  for (const host of started.splice(0)) if (host.isAlive) host.signal('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (name: string, more: { readonly maxHeapMiB?: number; readonly entry?: string } = {}) => {
  const news: WorkerNews[] = [];
  const lines: string[] = [];
  let look: () => void = () => undefined;
  let exited: (exit: WorkerExit) => void = () => undefined;
  const exit = new Promise<WorkerExit>((resolve) => {
    exited = resolve;
  });
  const host = new WorkerHost({
    maxHeapMiB: 64,
    maxRssBytes: 0,
    hangMs: 10_000,
    bundlePath,
    entry: ENTRY,
    onNews: (each) => {
      news.push(each);
      look();
    },
    onLine: (line) => lines.push(line),
    onExit: exited,
    ...more,
  });
  started.push(host);
  host.order({
    type: 'init',
    run: 'r',
    name,
    bundlePath,
    env: {},
    seed: 1,
    raw: 'all',
    rowsPerSecond: 1,
    agent: { id: 'a', node: 'n', labels: {} },
    worker: 0,
    workers: 1,
  });
  const heard = (type: WorkerNews['type']): Promise<WorkerNews> =>
    new Promise((resolve) => {
      look = () => {
        const found = news.find((each) => each.type === type);
        if (found !== undefined) resolve(found);
      };
      look();
    });
  return { host, news, lines, exit, heard };
};

describe('a worker process', () => {
  it('is told orders and grants, and ends when it is asked to', async () => {
    const { host, heard, exit } = start('obey');
    await heard('loaded');
    host.grant(3, 1_234.5);
    expect(await heard('log')).toMatchObject({ message: 'grant {"generation":3,"until":1234.5}' });
    host.order({ type: 'end' });
    expect(await exit).toMatchObject({ reason: 'asked', code: 0 });
    expect(host.isAlive).toBe(false);
    host.order({ type: 'end' });
    host.grant(4, 1);
    host.signal('SIGKILL');
  });

  it('hands bytes over as they are', async () => {
    const { heard } = start('bytes');
    const news = await heard('window');
    expect(news.type === 'window' ? [...news.window] : []).toEqual([1, 2, 3]);
  });

  it.each([
    ['exit', { reason: 'exit', code: 3, message: expect.stringContaining('last words | of a worker') }],
    ['quiet', { reason: 'exit', code: 0 }],
    ['kill', { reason: 'signal', signal: 'SIGKILL' }],
    ['hang', { reason: 'hang', where: 'test.ts:7:5', message: 'the test blocked its worker for 10000 ms' }],
    ['memory', { reason: 'memory', message: expect.stringContaining('300 MiB') }],
    ['lapsed', { reason: 'lapsed' }],
    ['heap', { reason: 'memory', message: expect.stringContaining('64 MiB of heap') }],
  ] as const)('tells why it ended: %s', async (name, expected) => {
    expect(await start(name).exit).toMatchObject(expected);
  });

  it('that does not listen is ended by the last step of the ladder', async () => {
    const { host, heard, exit } = start('deaf');
    await heard('ready');
    host.order({ type: 'end' });
    host.signal('SIGTERM');
    await heard('log');
    host.signal('SIGKILL');
    expect(await exit).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
  });

  it('that can not be started says so', async () => {
    expect(await start('obey', { entry: join(folder, 'none.mjs') }).exit).toMatchObject({
      reason: 'exit',
      message: expect.stringContaining('none.mjs'),
    });
  });

  it('is heard to its last word before its end is told', async () => {
    const { news, exit } = start('many');
    await exit;
    expect(news).toHaveLength(1_001);
  });

  it('says what it likes: lines are handed on, long ones cut', async () => {
    const { lines, heard, host, exit } = start('chatter');
    await heard('log');
    host.order({ type: 'end' });
    await exit;
    expect(lines.slice(0, 200)).toEqual(Array.from({ length: 200 }, (_, n) => `line ${n}`));
    expect(lines[200]?.length).toBe(4_096);
  });

  it('is told its bounds, and not the agent’s token', async () => {
    process.env.MUSTER_TOKEN = 'secret';
    const { heard } = start('env');
    const news = await heard('log');
    delete process.env.MUSTER_TOKEN;
    const env = JSON.parse(news.type === 'log' ? news.message : '') as Record<string, string>;
    expect(env).toMatchObject({ MUSTER_HANG_MS: '10000', MUSTER_MAX_RSS_BYTES: '0' });
    expect(env.MUSTER_TOKEN).toBeUndefined();
  });
});
