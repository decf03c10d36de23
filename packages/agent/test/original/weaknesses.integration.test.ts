import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProgram } from '../support/agent-program.js';
import { RawBroker } from './support/raw-broker.js';
import { makeZip } from './support/zip.js';

// What was wrong with the original, as far as its agent goes: ours does not have it.

let root: string;
let broker: RawBroker;
let agent: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'muster-weak-'));
  await mkdir(join(root, 'up'));
  broker = await RawBroker.open();
  closers.push(() => broker.close());
  const argv = ['--broker', broker.endpoints.frontend ?? '', '--data', join(root, 'up', 'data'), '--workers', '1'];
  const program = startProgram(argv);
  closers.push(() => program.kill());
  agent = await broker.agent();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(root, { recursive: true, force: true });
});

/** Writes the arguments it got, as JSON, to where it is told by the environment of the test's own making. */
const ARGUMENTS = `#!${process.execPath}
require('node:fs').writeFileSync('../arguments', JSON.stringify(process.argv.slice(2)));
`;
const filedata = (): string => makeZip([{ name: 'arguments.js', text: ARGUMENTS, mode: 0o100755 }]).toString('base64');

/** Each would do something in a shell, or in the Python that the original pastes its arguments into. */
const EVIL: readonly string[] = [
  `"; touch pwned; echo "`,
  `'; touch pwned; echo '`,
  '$(touch pwned)`touch pwned`$HOME',
  `'});import os;os.system("touch pwned");run({'`,
  '> pwned | tee pwned && touch pwned',
  'a\ntouch pwned\n',
];

describe('the command line of a test', () => {
  it('is made of words, not of text: what stands in an argument stays one', async () => {
    for (const [index, fqn] of EVIL.entries()) {
      const args = { test_runner: './arguments.js first {test} "in quotes" last', fqn, note: fqn };
      const order = { command: 'RUN', run_id: 'r', args: { ...args, external_process_timeout: 30 } };
      const answer = await broker.ask(agent, { ...order, filedata: filedata() });
      expect(answer.body.result).toMatchObject({ command: 'RUN' });
      await broker.until(() => broker.rowsOf('stopTestRun').length > index);
      const written = readFileSync(join(root, 'up', 'data', 'runs', 'arguments'), 'utf8');
      expect(JSON.parse(written)).toEqual(['first', fqn, 'in quotes', 'last']);
    }
    const all = await readdir(root, { recursive: true });
    expect(all.filter((name) => name.includes('pwned'))).toEqual([]);
  });
});

describe('what a broker sends', () => {
  it('never leads out of the agent’s folder by the id of a run or a packed file', async () => {
    await writeFile(join(root, 'up', 'kept'), 'kept');
    const args = { test_runner: './arguments.js' };
    const ids = ['../../x', '..', '.', '/tmp/x', 'a/../../../x', 'a\\..\\x', 'a\0b', 'x'.repeat(5_000)];
    for (const run_id of ids) {
      const answer = await broker.ask(agent, { command: 'RUN', run_id, args, filedata: filedata() });
      expect(answer.body, run_id.slice(0, 20)).toHaveProperty('error');
      await broker.ask(agent, { command: '_STATUS', run_id });
      await broker.ask(agent, { command: 'STOP', run_id });
    }
    for (const name of ['../../../x', '/../../../x', 'a/../../../../x', '..\\..\\..\\x']) {
      const files = makeZip([{ name, text: 'x' }]).toString('base64');
      const answer = await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata: files });
      expect(answer.body, name).toHaveProperty('error');
    }
    expect((await readdir(root)).sort()).toEqual(['up']);
    expect((await readdir(join(root, 'up'))).sort()).toEqual(['data', 'kept']);
    expect(existsSync(join(root, 'up', 'data', 'runs', 'arguments'))).toBe(false);
    expect(await broker.ask(agent, { command: '_STATUS' })).toMatchObject({ body: { result: { status: {} } } });
  });

  it('is answered also when it fails, with the reason and no line of the agent’s own', async () => {
    const orders = [
      { command: 'RUN', run_id: 'r', args: { test_runner: './nothing-here' } },
      { command: 'RUN', run_id: 'r', args: { fqn: 'pkg.mod.Case.test' } },
      { command: 'RUN', run_id: 'r', args: { test_runner: 'true' }, filedata: 'bm8gemlw' },
      { command: 'DANCE' },
    ];
    for (const order of orders) {
      const { body } = await broker.ask(agent, order);
      expect(body).toHaveProperty('error');
      expect(JSON.stringify(body.error)).not.toMatch(/\.js:\d+|node_modules|\bat [\w.<>]+ \(|node:internal/);
    }
  });
});
