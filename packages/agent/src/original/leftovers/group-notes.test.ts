import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GroupNotes } from './group-notes.js';

let folder: string;
const open: GroupNotes[] = [];
const notes = (): GroupNotes => {
  const made = new GroupNotes(folder, (why) => {
    throw new Error(why);
  });
  open.push(made);
  return made;
};
const groupsLeft = (): readonly number[] => notes().left.map(({ group }) => group);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-notes-'));
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await rm(folder, { recursive: true, force: true });
});

describe('notes of process groups', () => {
  it('tell the next agent of what was started and has not ended', () => {
    const first = notes();
    for (const group of [1_000_001, 1_000_002, process.pid]) first.started(group, 'node.a');
    first.ended(1_000_001);
    first.ended(7);
    const second = notes();
    expect(second.left).toMatchObject([{ group: 1_000_002 }, { group: process.pid, agent: 'node.a' }]);
    expect(second.left[1]).toMatchObject({ ticks: expect.any(String), boot: expect.any(String) });
    second.settle(second.left.slice(0, 1));
    second.started(1_000_003, null);
    second.ended(1_000_003);
    expect(groupsLeft()).toEqual([1_000_002]);
  });

  it('are empty when nobody is left', async () => {
    const first = notes();
    for (const group of [1_000_001, 1_000_002]) first.started(group, null);
    for (const group of [1_000_001, 1_000_002]) first.ended(group);
    expect(await readFile(join(folder, 'groups.log'), 'utf8')).toBe('');
  });

  it('are read up to a line that is not whole, and name no group that is everybody', async () => {
    notes().started(1_000_001, null);
    const lines = ['{"started":1}', '{"started":0}', '{"started":-5}', '[]', 'null', '{"started":1000002}', '{"star'];
    await appendFile(join(folder, 'groups.log'), lines.join('\n'));
    expect(groupsLeft()).toEqual([1_000_001, 1_000_002]);
  });
});
