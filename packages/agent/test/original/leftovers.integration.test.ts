import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStat } from '@muster/daemon';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProgram } from '../support/agent-program.js';
import { RawBroker } from './support/raw-broker.js';
import { makeZip } from './support/zip.js';

let folder: string;
let broker: RawBroker;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-leftovers-'));
  broker = await RawBroker.open();
  closers.push(() => broker.close());
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const start = () => {
  const program = startProgram(['--broker', broker.endpoints.frontend ?? '', '--data', folder, '--log-level', 'info']);
  closers.push(() => program.kill());
  return program;
};
const isLiving = (pid: number): boolean => !['Z', 'X', undefined].includes(processStat(pid)?.state);

/** What is ignored stays so in the program that takes the shell's place. */
const STUBBORN = '#!/bin/sh\ntrap "" TERM\n: > ../ready\nexec sleep 600\n';

describe('an agent that is killed while a program works for it', () => {
  it('leaves it to the next agent in its folder, which ends it before it takes a run', async () => {
    const first = start();
    const agent = await broker.agent();
    const filedata = makeZip([{ name: 'go.sh', text: STUBBORN, mode: 0o100755 }]).toString('base64');
    const args = { test_runner: './go.sh', duration: 600 };
    const { body } = await broker.ask(agent, { command: 'RUN', run_id: 'r', args, filedata });
    const [pid = 0] = (body.result as { pids: number[] }).pids;
    closers.push(async () => {
      if (isLiving(pid)) process.kill(-pid, 'SIGKILL');
    });
    while (!existsSync(join(folder, 'runs', 'ready'))) await sleep(10);
    await first.kill();
    expect(isLiving(pid)).toBe(true);

    const second = start();
    await broker.agent(1);
    expect(isLiving(pid)).toBe(false);
    expect(second.log()).toContain('SIGTERM');
    expect(second.log()).toContain('SIGKILL');
    expect(await readFile(join(folder, 'groups.log'), 'utf8')).toBe('');
  });
});
