import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyConfig } from './apply-config.js';
import { readConfigFile } from './config-file.js';
import { collect, whole } from './flags.js';
import { observerOptionsOf, ofNamedObservers, takeObserverFlags } from './observer-flags.js';
import { originalAliases } from './original-aliases.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const file = async (text: string): Promise<string> => {
  const path = join(folder, 'config');
  await writeFile(path, text);
  return path;
};

describe('a config file', () => {
  it('is JSON with the flags names in any case', async () => {
    const path = await file('{ "userId": "jo", "include_file": ["a", "b"], "agents": 3, "quiet": true }');
    expect([...(await readConfigFile(path))]).toEqual([
      ['user-id', 'jo'],
      ['include-file', ['a', 'b']],
      ['agents', '3'],
      ['quiet', true],
    ]);
  });

  it('is the INI of the original, lists on lines of their own', async () => {
    const path = await file(
      '# mine\n[other]\nx = 1\n[loads]\nfqn = shop.ts\nusers=10:20\ninclude_file =\n    *.py\n    data\nquiet = True\n',
    );
    expect([...(await readConfigFile(path))]).toEqual([
      ['fqn', 'shop.ts'],
      ['users', '10:20'],
      ['include-file', ['*.py', 'data']],
      ['quiet', true],
    ]);
  });

  it.each(['{ "a": ', '{ "a": { "b": 1 } }', '[loads]\nnonsense\n', '[other]\na = 1\n'])('refuses %j', async (text) => {
    await expect(readConfigFile(await file(text))).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('that is not there is said so', async () => {
    await expect(readConfigFile(join(folder, 'gone'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('a command with a config file', () => {
  const apply = async (argv: readonly string[], text: string) => {
    const command = new Command('run')
      .argument('[file]')
      .option('--agents <n>', '', whole(1))
      .option('--output <name>', '', collect)
      .option('--quiet', '', false)
      .option('--no-patching', '')
      .addOption(new Option('--raw <which>').choices(['all', 'none']).default('all'))
      .action(() => undefined);
    command.parse([...argv], { from: 'user' });
    const extras = await applyConfig(command, await file(text), 'muster.json');
    return { ...command.opts(), ...extras };
  };

  it('takes what the command line does not say, also over defaults', async () => {
    expect(
      await apply([], '{ "agents": 2, "output": ["file", "junit"], "quiet": true, "raw": "none", "fqn": "a.ts" }'),
    ).toMatchObject({ agents: 2, output: ['file', 'junit'], quiet: true, raw: 'none', file: 'a.ts' });
  });

  it('lets flags win, lists as a whole', async () => {
    expect(
      await apply(
        ['--agents', '5', '--output', 'null', '--raw', 'all'],
        '{ "agents": 2, "output": ["file"], "raw": "none" }',
      ),
    ).toMatchObject({ agents: 5, output: ['null'], raw: 'all' });
  });

  it('keeps options of observers by the original names', async () => {
    const { observerOptions } = await apply([], '{ "observer_irc_server": "irc.example" }');
    expect([...observerOptions]).toEqual([['observer_irc_server', 'irc.example']]);
  });

  it.each([
    ['{ "colour": 1 }', 'muster.json: colour is no option'],
    ['{ "agents": "many" }', 'muster.json: agents must be a whole number'],
    ['{ "raw": "some" }', 'muster.json: raw'],
    ['{ "quiet": "very" }', 'must be true or false'],
    ['{ "agents": true }', 'wants a value'],
  ])('refuses %s', async (text, message) => {
    await expect(apply([], text)).rejects.toThrow(message);
  });
});

describe('flags of the original', () => {
  it('options of observers are taken out, wherever they stand', () => {
    const { argv, options } = takeObserverFlags([
      'run',
      '--observer-irc-server',
      'irc.example',
      '--observer',
      'irc',
      '--observer-email-subject=a=b',
      'x.ts',
      '--',
      '--observer-irc-port',
    ]);
    expect(argv).toEqual(['run', '--observer', 'irc', 'x.ts', '--', '--observer-irc-port']);
    expect([...options]).toEqual([
      ['observer_irc_server', 'irc.example'],
      ['observer_email_subject', 'a=b'],
    ]);
    expect(() => takeObserverFlags(['--observer-irc-server'])).toThrow('wants a value');
    expect(observerOptionsOf(options)).toEqual({ irc: { server: 'irc.example' }, email: { subject: 'a=b' } });
    expect([...ofNamedObservers(options, ['loads.observers.irc']).keys()]).toEqual(['observer_irc_server']);
  });

  const commands = ['run', 'ping', 'attach', 'purge', 'check-cluster'];
  it.each([
    ['--ping-broker -b tcp://h:1', 'ping -b tcp://h:1'],
    ['-b tcp://h:1 --purge-broker', 'purge -b tcp://h:1'],
    ['--check-cluster', 'check-cluster'],
    ['run --attach --broker x', 'attach --broker x'],
    ['run a.ts --detach', 'run a.ts --detach'],
    ['ping --attach', 'ping --attach'],
    ['--version', '--version'],
  ])('%s is %s', (given, meant) => {
    expect(originalAliases(given.split(' '), commands).join(' ')).toBe(meant);
  });
});
