import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Summary } from '@muster/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MUSTER = fileURLToPath(new URL('../bin/muster.js', import.meta.url));
let folder: string;
let server: Server;
let url: string;
let served = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-'));
  server = createServer((_, response) => {
    served += 1;
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await writeFile(
    join(folder, 'get.ts'),
    `import { check, http } from '@muster/script';\nexport default async () => { check(await http.get(__ENV.URL ?? ''), { fine: (r) => r.status === 200 }); };\n`,
  );
  await writeFile(
    join(folder, 'slow.ts'),
    `import { sleep } from '@muster/script';\nexport default async () => { await sleep(60); };\n`,
  );
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}
type During = (said: string, kill: (signal: NodeJS.Signals) => void, hangUp: () => void) => void;
const muster = (argv: readonly string[], during?: During) =>
  new Promise<Ran>((resolve) => {
    const env = { ...process.env, MUSTER_BROKER: '' };
    const child = spawn(process.execPath, [MUSTER, ...argv], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: during !== undefined,
    });
    // As a terminal does: to everything that the command has started as well.
    const signal = (name: NodeJS.Signals) => process.kill(-Number(child.pid), name);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      during?.(out, signal, () => child.stdout.destroy());
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.once('close', (code, ended) => resolve({ code, signal: ended, out, err }));
  });

describe('muster in a cluster of its own', () => {
  it('runs a test, exports the summary, and finds the run again without a broker', async () => {
    served = 0;
    const ran = await muster([
      'run',
      'get.ts',
      '-e',
      `URL=${url}`,
      '-u',
      '4',
      '-i',
      '100',
      '--workers',
      '2',
      '--summary-export',
      'summary.json',
    ]);
    expect(ran.code, ran.err).toBe(0);
    expect(ran.out).toContain('█ TOTAL RESULTS');
    const summary = Summary.parse(JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8')));
    expect(summary.metrics.http_reqs?.values.count).toBe(100);
    expect(served).toBe(100);
    expect(summary.checks).toEqual([{ name: 'fine', group: '', passes: 100, fails: 0 }]);

    const runs = JSON.parse((await muster(['runs', '--json'])).out) as { id: string; state: string; verdict: string }[];
    expect(runs).toMatchObject([{ id: summary.run.id, state: 'finished', verdict: 'passed' }]);
    expect(JSON.parse((await muster(['show', summary.run.id.slice(0, 20), '--json'])).out)).toEqual(summary);
  }, 60_000);

  it('runs beside another in the same folder, and both are found again', async () => {
    const flags = ['-e', `URL=${url}`, '-u', '1', '-d', '60s', '--workers', '1', '--data', 'shared'];
    const running = { one: false, two: false };
    const both = (name: keyof typeof running) => {
      let pressed = false;
      return (said: string, kill: (signal: NodeJS.Signals) => void) => {
        running[name] ||= said.includes('running (');
        if (pressed || !running.one || !running.two) return;
        pressed = true;
        kill('SIGINT');
      };
    };
    const ended = await Promise.all([
      muster(['run', 'get.ts', ...flags], both('one')),
      muster(['run', 'get.ts', ...flags], both('two')),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([105, 105]);
    const ids = ended.map(({ out }) => /run: (\S+)/.exec(out)?.[1] ?? '');
    const runs = JSON.parse((await muster(['runs', '--json', '--data', 'shared'])).out) as { id: string }[];
    expect(runs.map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const id of ids) expect((await muster(['show', id, '--data', 'shared'])).out).toContain(`run ${id}`);
    const unknown = await muster(['show', 'nosuch', '--data', 'shared']);
    expect([unknown.code, unknown.out]).toEqual([104, '']);
  }, 60_000);

  it('stops on Ctrl-C with 105', async () => {
    let pressed = false;
    const ran = await muster(
      ['run', 'get.ts', '-e', `URL=${url}`, '-d', '60s', '--data', 'interrupted'],
      (said, kill) => {
        if (!pressed && said.includes('running (')) {
          pressed = true;
          kill('SIGINT');
        }
      },
    );
    expect(ran.code, ran.err).toBe(105);
    expect(ran.out).toContain('aborted');
  }, 60_000);

  it('is killed by a second Ctrl-C, by that signal', async () => {
    let pressed = 0;
    const ran = await muster(
      ['run', 'slow.ts', '-d', '60s', '-u', '1', '--workers', '1', '--data', 'killed'],
      (said, kill) => {
        const wanted = ['running (', 'press Ctrl-C again'][pressed];
        if (wanted === undefined || !said.includes(wanted)) return;
        pressed += 1;
        kill('SIGINT');
      },
    );
    expect([ran.code, ran.signal, ran.err]).toEqual([null, 'SIGINT', '']);
  }, 60_000);

  it('goes on to its verdict when nobody reads what it says', async () => {
    const ran = await muster(
      ['run', 'get.ts', '-e', `URL=${url}`, '-i', '3', '--summary-export', 'unread.json', '--data', 'unread'],
      (_, __, hangUp) => hangUp(),
    );
    expect([ran.code, ran.err]).toEqual([0, '']);
    const { metrics } = JSON.parse(await readFile(join(folder, 'unread.json'), 'utf8')) as Summary;
    expect(metrics.iterations?.values.count).toBe(3);
  }, 60_000);

  it('refuses a summary that could not be written before the load, not after it', async () => {
    served = 0;
    const ran = await muster(['run', 'get.ts', '-e', `URL=${url}`, '--summary-export', 'no/where.json']);
    expect([ran.code, ran.out, served]).toEqual([104, '', 0]);
    expect(ran.err).toContain("can't write");
  }, 60_000);

  it('waits for observers, and says which of them are still to be told', async () => {
    const ran = await muster([
      ...['run', 'get.ts', '-e', `URL=${url}`, '-i', '1', '--data', 'untold'],
      ...['--observer', 'webhook', '--observer-webhook-url', 'http://127.0.0.1:1/nobody'],
    ]);
    expect(ran.code, ran.err).toBe(0);
    expect(ran.err).toContain('not told yet: webhook');
  }, 60_000);

  it('fails with 99 when a threshold does not hold', async () => {
    await writeFile(
      join(folder, 'strict.ts'),
      `import { http } from '@muster/script';\nexport const options = { iterations: 5, thresholds: { http_reqs: ['count>5'], nothing_like_it: ['count>1'].slice(1) } };\nexport default async () => { await http.get(__ENV.URL ?? ''); };\n`,
    );
    const wrong = await muster(['run', 'strict.ts', '-e', `URL=${url}`, '--data', 'strict']);
    expect(wrong.code).toBe(104);
    expect(wrong.out + wrong.err).toContain('nothing_like_it');
    await writeFile(
      join(folder, 'strict.ts'),
      (await readFile(join(folder, 'strict.ts'), 'utf8')).replace(", nothing_like_it: ['count>1'].slice(1)", ''),
    );
    const ran = await muster(['run', 'strict.ts', '-e', `URL=${url}`, '--data', 'strict']);
    expect(ran.code, ran.err).toBe(99);
    expect(ran.out).toContain("✗ 'count>5' count=5");
  }, 60_000);

  it('says on the standard error how a quiet run went wrong, and refuses a wrong duration before anything starts', async () => {
    const quiet = await muster(['run', 'strict.ts', '-e', `URL=${url}`, '-q', '--data', 'strict']);
    expect([quiet.code, quiet.out]).toEqual([99, '']);
    expect(quiet.err).toContain('failed: threshold http_reqs count>5');
    const wrong = await muster(['run', 'get.ts', '-d', '3parsecs', '--data', 'never']);
    expect([wrong.code, wrong.out]).toEqual([104, '']);
    expect(wrong.err).toContain('"3parsecs" is not a duration');
    await expect(stat(join(folder, 'never'))).rejects.toThrow();
  }, 60_000);

  it('hands --help on to the programs that it stands for', async () => {
    expect((await muster(['broker', '--help'])).out).toContain('--keep-ports');
    expect((await muster(['agent', '--help'])).out).toContain('--hang-ms');
  }, 60_000);

  it('tells an id that several runs share from one that none has', async () => {
    const runs = JSON.parse((await muster(['runs', '--json', '--data', 'strict'])).out) as { id: string }[];
    expect(runs.length).toBeGreaterThan(1);
    const shared = await muster(['show', '01', '--data', 'strict']);
    expect([shared.code, shared.err]).toEqual([104, expect.stringContaining(`${runs.length} runs match 01`)]);
  }, 60_000);

  it('writes a first test that is fine', async () => {
    expect((await muster(['new', 'first.js'])).code).toBe(0);
    expect((await muster(['check', 'first.js'])).code).toBe(0);
    expect((await muster(['new', 'first.ts'])).code).toBe(0);
    expect((await muster(['new', 'first.ts'])).code).toBe(104);
    const checked = await muster(['check', 'first.ts']);
    expect(checked.out + checked.err).toContain('first.ts is fine: types, options and bundle');
    expect(checked.code).toBe(0);
    await writeFile(join(folder, 'users.csv'), 'tea,1\n');
    await writeFile(join(folder, 'users.json'), '["tea"]');
    await writeFile(
      join(folder, 'data.ts'),
      `import users from './users.csv';\nimport names from './users.json';\nexport default () => { users.trim(); names[0]?.trim(); };\n`,
    );
    expect(await muster(['check', 'data.ts'])).toMatchObject({ code: 0, err: '' });
    await writeFile(
      join(folder, 'typo.ts'),
      `import { http } from '@muster/script';\nexport default async () => { await http.gett('x'); };\n`,
    );
    const wrong = await muster(['check', 'typo.ts']);
    expect(wrong.code).toBe(104);
    expect(wrong.err).toContain('typo.ts:2:');
  }, 60_000);
});
