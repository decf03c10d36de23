import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/observers/built-in.js';
import { loadModuleObserver } from '../../src/observers/module-observer.js';
import { openObservers } from '../../src/observers/open-observers.js';
import { END, tell } from './tell.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-program-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  delete process.env.MUSTER_OBSERVER_EMAIL_PASSWORD;
});

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a program', () => {
  it('finds the end on its standard input and the facts in its environment, and no setting of the broker', async () => {
    process.env.MUSTER_OBSERVER_EMAIL_PASSWORD = 'hush';
    const out = join(folder, 'said.json');
    const program = await file(
      'tell.mjs',
      `#!${process.execPath}
import { readFileSync, writeFileSync } from 'node:fs';
const said = { args: process.argv.slice(2), env: process.env, end: JSON.parse(readFileSync(0, 'utf8')) };
writeFileSync(process.argv[2], JSON.stringify(said));
`,
    );
    const told = await tell('command', { program: [program, out, '; touch $HOME', '$(id)'] });
    expect(told).toMatchObject({ ok: true, text: 'told' });
    const { args, env, end } = JSON.parse(await readFile(out, 'utf8')) as Record<string, Record<string, string>>;
    expect(args).toEqual([out, '; touch $HOME', '$(id)']);
    expect(end).toEqual(END);
    expect(env).toMatchObject({
      PATH: process.env.PATH,
      MUSTER_RUN: 'run-1',
      MUSTER_NAME: 'shop.ts',
      MUSTER_VERDICT: 'failed',
      MUSTER_EXIT_CODE: '99',
      MUSTER_REASON: 'too <slow> & more',
      MUSTER_TEXT: END.text,
      MUSTER_LINK: '',
      MUSTER_DURATION_MS: '20465',
    });
    expect(JSON.stringify(env)).not.toContain('hush');
  });

  it('that is not there, or says no, is not tried again; one that asks for it is', async () => {
    const missing = await tell('command', { program: join(folder, 'none') });
    expect(missing).toMatchObject({ ok: false, text: "not told: the program can't be started: ENOENT" });
    const no = await tell('command', { program: [process.execPath, '-e', 'console.error("why"); process.exit(1)'] });
    expect(no).toMatchObject({ ok: false, text: 'not told: exit code 1' });
    expect(no.log).toContain('why');
    const count = join(folder, 'count');
    const script = `require('fs').appendFileSync(${JSON.stringify(count)}, 'x'); process.exit(75)`;
    const later = await tell('command', { program: [process.execPath, '-e', script] });
    expect(later).toMatchObject({ ok: false, text: 'not told, tried 3 times: exit code 75: later' });
    expect(await readFile(count, 'utf8')).toBe('xxx');
  });

  it('need not read what it is told', async () => {
    const end = { ...END, text: 'x'.repeat(5_000_000), summary: null };
    expect(await tell('command', { program: ['/bin/sh', '-c', 'exit 0'] }, { end })).toMatchObject({ ok: true });
  });

  it('that hangs is killed with everything that it started', async () => {
    const pids = join(folder, 'pids');
    const program = await file('hang.sh', `#!/bin/sh\nsleep 600 &\necho $$ $! > ${pids}\nwait\n`);
    const told = await tell('command', { program }, { times: { tryMs: 1_500, tries: 1, backoffMs: 1 } });
    expect(told).toMatchObject({ ok: false, text: 'not told, tried 1 times: took more than 1500 ms' });
    const started = (await readFile(pids, 'utf8')).trim().split(' ').map(Number);
    expect(started).toHaveLength(2);
    const end = performance.now() + 5_000;
    while (started.some(isAlive) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(started.filter(isAlive)).toEqual([]);
  });
});

describe('a module', () => {
  const load = async (text: string) => {
    const path = await file(`${Math.random().toString(36).slice(2)}.mjs`, text);
    const pager = await loadModuleObserver('pager', path, '/');
    return [...BUILT_IN, pager];
  };

  it('is told the end with its options, which it names itself', async () => {
    const out = join(folder, 'paged.json');
    const observers = await load(`
import { writeFileSync } from 'node:fs';
export const options = { file: { required: true }, loud: { kind: 'flag', default: true } };
export const finished = async (end, { options }) => writeFileSync(options.file, JSON.stringify({ end, options }));
`);
    const told = await tell('pager', { file: out, loud: 'no' }, { observers });
    expect(told).toMatchObject({ ok: true });
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual({ end: END, options: { file: out, loud: false } });
  });

  it('may throw, block or end as it likes: the broker goes on', async () => {
    for (const [body, why] of [
      ['throw new Error("no pager")', 'no pager'],
      ['setTimeout(() => { throw new Error("late") }); return new Promise(() => {})', 'late'],
      ['for (;;);', 'took more than 1500 ms'],
      ['process.exit(0)', 'its thread ended by itself'],
    ]) {
      const observers = await load(`export const finished = () => { ${body} }`);
      const told = await tell('pager', {}, { observers, times: { tryMs: 1_500, tries: 1, backoffMs: 1 } });
      expect(told).toMatchObject({ ok: false, text: `not told, tried 1 times: ${why}` });
    }
  });

  it('that can not be used is refused when the broker starts', async () => {
    const none = await file('none.mjs', 'export const hello = 1;');
    const odd = await file('odd.mjs', 'export const options = { Not: {} }; export const finished = () => {};');
    const good = await file('good.mjs', 'export const finished = () => {};');
    const open = (path: string, settings = {}) => openObservers(settings, { pager: path }, folder);
    await expect(open(none)).rejects.toThrow(/BAD_CONFIG.*exports no function `finished`/);
    await expect(open(odd)).rejects.toThrow(/BAD_CONFIG.*its options are none/);
    await expect(open('./missing.mjs')).rejects.toThrow(/BAD_CONFIG.*missing\.mjs/);
    await expect(open('no-such-package-of-ours')).rejects.toThrow(/BAD_CONFIG.*it is not found/);
    await expect(open(good, { pager: { x: 1 } })).rejects.toThrow(/BAD_CONFIG.*no option x/);
    expect((await open('./good.mjs')).find('pager')?.name).toBe('pager');
  });
});
