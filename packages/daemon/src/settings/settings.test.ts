import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Program } from './program-command.js';
import { readSettings, type SettingSources } from './read-settings.js';
import type { SettingFault } from './setting.js';
import { SettingTable } from './setting-table.js';

const TABLE = new SettingTable('a thing', {
  waitMs: { kind: 'whole', help: 'how long', most: 9 },
  heapMiB: { kind: 'whole', help: 'how much', flag: 'heap', least: 0 },
  labels: { kind: 'labels', help: 'names', flag: 'label', variable: 'MUSTER_LABELS' },
  keepAll: { kind: 'flag', help: 'keep it', negatable: true },
  level: { kind: 'level', help: 'how much is said' },
});
type Name = (typeof TABLE.names)[number];

const PROGRAM: Program<Name> = {
  name: 'thing',
  description: 'Does things.',
  table: TABLE,
  aliases: [{ flag: 'debug', value: null, help: '--level debug', hidden: true, sets: 'level', read: () => 'debug' }],
  further: [{ flags: '--check', help: 'only look' }],
  example: 'waitMs',
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-settings-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const read = async (argv: readonly string[], more: Partial<SettingSources> = {}) => {
  const faults: SettingFault[] = [];
  let printed = '';
  const print = (text: string) => {
    printed += text;
  };
  const given = await readSettings(PROGRAM, { argv, env: {}, version: '1.2.3', print, ...more }, faults);
  return { given, faults, printed };
};
const file = async (content: string): Promise<string> => {
  const path = join(folder, 'config.json');
  await writeFile(path, content);
  return path;
};

describe('settings', () => {
  it('are those of the last of file, variables, aliases and flags that says them', async () => {
    const config = await file(JSON.stringify({ waitMs: 1, heapMiB: 2, keepAll: true, level: 'warn' }));
    const env = { MUSTER_CONFIG: config, MUSTER_HEAP: '3', MUSTER_LEVEL: 'error' };
    const { given, faults } = await read(['--no-keep-all', '--debug', '--label', 'a=b', '--label', 'c=d'], { env });
    expect(faults).toEqual([]);
    expect(given?.options).toEqual({
      waitMs: 1,
      heapMiB: 3,
      keepAll: false,
      level: 'debug',
      labels: { a: 'b', c: 'd' },
    });
    expect(given?.whereOf('waitMs')).toBe(`${config}: waitMs`);
    expect(given?.whereOf('heapMiB')).toBe('MUSTER_HEAP');
    expect(given?.whereOf('level')).toBe('--debug');
  });

  it('leave alone what is not theirs: empty variables, further flags, keys that somebody takes', async () => {
    const taken: string[] = [];
    const { given, faults } = await read(['--check', '--config', await file('{"theirs": 1, "waitMs": 2}')], {
      env: { MUSTER_WAIT_MS: '', MUSTER_CONFIG: '' },
      takeFromFile: (key) => key === 'theirs' && taken.push(key) > 0,
    });
    expect([faults, taken, given?.options]).toEqual([[], ['theirs'], { waitMs: 2 }]);
    expect([given?.asks('check'), given?.asks('debug')]).toEqual([true, false]);
  });

  it('name each fault with its place', async () => {
    const config = await file('{"waitMs": 10, "other": 1}');
    const { faults } = await read(['--config', config, '--heap', '-1', '--nowhere'], {
      env: { MUSTER_KEEP_ALL: 'perhaps' },
    });
    expect(faults).toEqual([
      { where: 'flags', message: "unknown option '--nowhere'" },
      { where: `${config}: other`, message: 'is no setting of a thing' },
      { where: `${config}: waitMs`, message: 'must be a whole number from 1 to 9, not 10' },
      { where: 'MUSTER_KEEP_ALL', message: 'must be true or false, not "perhaps"' },
      { where: '--heap', message: 'must be a whole number from 0 on, not "-1"' },
    ]);
    expect((await read(['--config', await file('[1]')])).faults).toEqual([
      { where: config, message: 'must hold one object' },
    ]);
  });

  it('are told with --help, all but those of old habits', async () => {
    const { given, printed } = await read(['--help']);
    expect(given).toBeNull();
    for (const part of ['--wait-ms <number>', '--heap <number>', '--check', '(waitMs or wait-ms)', '(MUSTER_WAIT_MS)'])
      expect(printed).toContain(part);
    expect(printed).not.toMatch(/--debug|--no-keep-all/);
  });

  it('of another program are checked in the same way', () => {
    const faults: SettingFault[] = [];
    const given = { waitMs: 3, heapMiB: 'much', theirs: 1, other: 2 };
    const values = TABLE.check(given, (name) => name, faults, new Set(['theirs']));
    expect([values.whole('waitMs', 1), values.whole('heapMiB', 7), values.text('level', null)]).toEqual([3, 7, null]);
    expect(faults.map(({ where }) => where)).toEqual(['heapMiB', 'other']);
  });
});
