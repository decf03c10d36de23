import { readFile } from 'node:fs/promises';
import { Command, CommanderError, Option } from 'commander';
import {
  type AgentOptions,
  configError,
  type ResolvedAgentOptions,
  resolveAgentOptions,
  type SettingFault,
} from './agent-options.js';
import {
  ALIASES,
  flagOf,
  readSetting,
  SETTING_NAMES,
  SETTINGS,
  type SettingKind,
  type SettingName,
  type SettingValue,
  variableOf,
} from './settings.js';

/** What the command line asks for. */
export type Asked =
  | { readonly do: 'serve'; readonly options: ResolvedAgentOptions }
  /** Help or the version was printed already. */
  | { readonly do: 'nothing' };

type Found = Map<SettingName, { readonly value: SettingValue; readonly where: string }>;
type Entry = readonly [name: SettingName, given: unknown, where: string];

const VALUES: Readonly<Record<SettingKind, string>> = {
  endpoint: ' <endpoint>',
  text: ' <text>',
  folder: ' <folder>',
  flag: '',
  whole: ' <number>',
  level: ' <level>',
  labels: ' <name=value>',
};

/** The command, from the one table of settings. */
const commandOf = (version: string): Command => {
  const command = new Command('muster-agent')
    .description('Runs virtual users for a Muster broker.')
    .version(version)
    .option('--config <file>', 'a JSON file with the same names (or MUSTER_CONFIG)')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      '\nEach flag is also a line of the config file (hangMs) and a variable (MUSTER_HANG_MS).\nFlags win over variables, those over the file.',
    );
  for (const name of SETTING_NAMES) {
    const { kind, help } = SETTINGS[name];
    const option = new Option(`--${flagOf(name)}${VALUES[kind]}`, help);
    if (kind === 'labels')
      option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
  }
  for (const { flag, value, help } of ALIASES)
    command.option(`--${flag}${value === null ? '' : ` <${value}>`}`, `as in the original: ${help}`);
  return command;
};

const collect = (into: Found, faults: SettingFault[], entries: Iterable<Entry>): void => {
  for (const [name, given, where] of entries) {
    const read = readSetting(name, given);
    if ('fault' in read) faults.push({ where, message: read.fault });
    else into.set(name, { value: read.value, where });
  }
};

const readFileEntries = async (file: string, faults: SettingFault[]): Promise<Entry[]> => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (thrown) {
    faults.push({ where: file, message: `can't be read as JSON: ${(thrown as Error).message}` });
    return [];
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    faults.push({ where: file, message: 'must hold one object' });
    return [];
  }
  return Object.entries(parsed).flatMap(([key, value]): Entry[] => {
    const name = SETTING_NAMES.find((known) => known === key);
    if (name === undefined) faults.push({ where: `${file}: ${key}`, message: 'is no setting of an agent' });
    return name === undefined ? [] : [[name, value, `${file}: ${key}`]];
  });
};

/**
 * Reads flags, variables and the config file; flags win over variables, those over the file. `--help` and `--version`
 * are printed here.
 *
 * @throws MusterError `BAD_CONFIG` naming every fault at once, or `NOT_LOOPBACK`.
 */
export const readConfiguration = async (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
  print: (text: string) => void,
): Promise<Asked> => {
  const faults: SettingFault[] = [];
  const command = commandOf(version)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  try {
    command.parse(argv, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { do: 'nothing' };
    faults.push({ where: 'flags', message: thrown.message.replace(/^error: /, '') });
  }
  const flags = command.opts() as Readonly<Record<string, unknown>>;
  const found: Found = new Map();
  const config = flags.config ?? env.MUSTER_CONFIG;
  if (typeof config === 'string' && config !== '') collect(found, faults, await readFileEntries(config, faults));
  collect(
    found,
    faults,
    SETTING_NAMES.flatMap((name): Entry[] => {
      const given = env[variableOf(name)];
      return given === undefined || given === '' ? [] : [[name, given, variableOf(name)]];
    }),
  );
  collect(
    found,
    faults,
    ALIASES.flatMap(({ flag, sets, read }): Entry[] =>
      flags[flag] === undefined ? [] : [[sets, read(String(flags[flag])), `--${flag}`]],
    ),
  );
  collect(
    found,
    faults,
    SETTING_NAMES.flatMap((name): Entry[] => {
      const flag = `--${flagOf(name)}`;
      const key = command.options.find((option) => option.long === flag)?.attributeName() ?? name;
      const given = command.getOptionValueSource(key) === 'cli' ? flags[key] : undefined;
      return given === undefined ? [] : [[name, given, flag]];
    }),
  );
  if (faults.length > 0) throw configError(faults);
  const options: AgentOptions = Object.fromEntries([...found].map(([name, { value }]) => [name, value]));
  return { do: 'serve', options: resolveAgentOptions(options, (name) => found.get(name)?.where ?? name) };
};
