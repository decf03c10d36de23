import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { bootId, processStat } from '@muster/daemon';
import { afterEach, describe, expect, it } from 'vitest';
import type { NotedGroup } from './group-notes.js';
import { reapGroups } from './reap-groups.js';

const AGENT = 'node.abc123';
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});

/** A shell in a session of its own, and the first line that it says. */
const shell = async (text: string, env: NodeJS.ProcessEnv = {}) => {
  const child = spawn('/bin/sh', ['-c', text], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
  });
  children.push(child);
  const exit = once(child, 'exit');
  const [said] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, exit, group: child.pid ?? 0, said: Number(String(said)) };
};
const notedOf = (group: number, more: Partial<NotedGroup> = {}): NotedGroup => ({
  group,
  ticks: processStat(group)?.ticks ?? null,
  boot: bootId(),
  agent: AGENT,
  ...more,
});
const reap = async (noted: NotedGroup, ladderMs = 100) => {
  const log: string[] = [];
  const tell = (_: object, message: string): void => {
    log.push(message);
  };
  return { left: await reapGroups([noted], { ladderMs, info: tell, warn: tell }), log };
};
/** A child whose parent is gone may stay as a zombie where nobody reaps. */
const isGone = (pid: number): boolean => ['Z', 'X', undefined].includes(processStat(pid)?.state);

describe('what an agent left that was killed', () => {
  it('ends by SIGTERM, with what it started', async () => {
    const { group, said, exit } = await shell('sleep 600 & echo $!; wait');
    expect(await reap(notedOf(group), 60_000)).toMatchObject({ left: [], log: [expect.stringContaining('SIGTERM')] });
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(isGone(said)).toBe(true);
  });

  it('ends by SIGKILL what does not mind SIGTERM, also without its leader', async () => {
    const { group, said, exit } = await shell(`sh -c 'trap "" TERM; echo $$; exec sleep 600' & wait`);
    const noted = notedOf(group);
    const { left, log } = await reap(noted);
    expect(left).toEqual([]);
    expect(log).toEqual([expect.stringContaining('SIGTERM'), expect.stringContaining('SIGKILL')]);
    await exit;
    expect(isGone(said)).toBe(true);
  });

  it('is known without its leader by the agent’s id in its environment', async () => {
    const text = 'sleep 600 > /dev/null & echo $!';
    const { group, said, exit } = await shell(text, { LOADS_AGENT_ID: AGENT });
    await exit;
    const other = await shell(text, { LOADS_AGENT_ID: 'node.other' });
    await other.exit;
    try {
      await reap(notedOf(group, { ticks: '1' }), 60_000);
      expect(isGone(said)).toBe(true);
      expect((await reap(notedOf(other.group, { ticks: '1' }))).log).toEqual([]);
      expect(isGone(other.said)).toBe(false);
    } finally {
      process.kill(-other.group, 'SIGKILL');
    }
  });

  it('is left alone when its pid was given to another, of this boot or another', async () => {
    const { child, group } = await shell('echo 1; exec sleep 600', { LOADS_AGENT_ID: AGENT });
    for (const more of [{ ticks: '1' }, { ticks: null }, { boot: 'another' }, { boot: null }])
      expect(await reap(notedOf(group, more))).toEqual({ left: [], log: [] });
    expect([child.exitCode, child.signalCode, isGone(group)]).toEqual([null, null, false]);
  });
});
