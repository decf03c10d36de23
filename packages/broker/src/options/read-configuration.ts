import { readFile } from 'node:fs/promises';
import { Command, CommanderError, Option } from 'commander';
import { type BrokerOptions, configError, type ResolvedBrokerOptions, resolveBrokerOptions } from './broker-options.js';
import { ObserverEntries, observerFaults, observerHelp, takeObserverFlags } from './observer-settings.js';
import {
  flagOf,
  NEGATABLE,
  readSetting,
  SETTING_NAMES,
  SETTINGS,
  type SettingFault,
  type SettingName,
  type SettingValue,
  variableOf,
} from './settings.js';
import { takeStoreFlags } from './store-choice.js';

/** What the command line asks for. */
export type Asked =
  | { readonly do: 'serve' | 'check'; readonly options: ResolvedBrokerOptions }
  /** Help or the version was printed already. */
  | { readonly do: 'nothing' };

type Found = Map<SettingName, { readonly value: SettingValue; readonly where: string }>;

/** Options of stores as variables: `MUSTER_DB_DUCKDB_MAX_SIZE`. */
const STORE_VARIABLE = 'MUSTER_DB_';

/** The command, from the one table of settings. */
const commandOf = (version: string): Command => {
  const command = new Command('muster-broker')
    .description('Musters agents, hands out the load, merges and keeps what they measure.')
    .version(version)
    .option('--config <file>', 'a JSON file with the same names (or MUSTER_CONFIG)')
    .option('--check', 'only tell whether a broker answers on the frontend')
    .addOption(new Option('--debug', 'the same as --log-level debug, as the original calls it').hideHelp())
    .addOption(new Option('--io-threads <number>', 'of the original; one is enough here').hideHelp())
    .addOption(new Option('--db-<store>-<option> <value>', 'an option of a store, such as --db-duckdb-max-size 10GB'))
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      '\nEach flag is also a line of the config file (beatMs) and a variable (MUSTER_BEAT_MS).\nFlags win over variables, those over the file.',
    )
    .addHelpText('after', observerHelp());
  for (const name of SETTING_NAMES) {
    const { kind, help } = SETTINGS[name];
    if (NEGATABLE.includes(name)) {
      command.addOption(new Option(`--${flagOf(name)}`, help)).addOption(new Option(`--no-${flagOf(name)}`).hideHelp());
      continue;
    }
    const value = {
      endpoint: ' <endpoint>',
      text: ' <text>',
      folder: ' <folder>',
      url: ' <url>',
      flag: '',
      whole: ' <number>',
      level: ' <level>',
    }[kind];
    command.addOption(new Option(`--${flagOf(name)}${value}`, help));
  }
  return command;
};

const collect = (
  into: Found,
  faults: SettingFault[],
  entries: Iterable<readonly [SettingName, unknown, string]>,
): void => {
  for (const [name, given, where] of entries) {
    const read = readSetting(name, given);
    if ('fault' in read) faults.push({ where, message: read.fault });
    else into.set(name, { value: read.value, where });
  }
};

const readFileEntries = async (
  file: string,
  observers: ObserverEntries,
  faults: SettingFault[],
  ofStores: Record<string, unknown>,
): Promise<(readonly [SettingName, unknown, string])[]> => {
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
  return Object.entries(parsed).flatMap(([key, value]) => {
    if (key.startsWith('db-')) {
      ofStores[key.slice('db-'.length)] = value;
      return [];
    }
    if (observers.takeFromFile(key, value, `${file}: ${key}`)) return [];
    const name = SETTING_NAMES.find((known) => known === key);
    if (name === undefined) faults.push({ where: `${file}: ${key}`, message: 'is no setting of a broker' });
    return name === undefined ? [] : [[name, value, `${file}: ${key}`] as const];
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
  const observers = new ObserverEntries(faults);
  const taken = takeObserverFlags(argv, faults);
  const command = commandOf(version)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  const { rest, given } = takeStoreFlags(taken.argv);
  try {
    command.parse([...rest], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { do: 'nothing' };
    faults.push({ where: 'flags', message: thrown.message.replace(/^error: /, '') });
  }
  const flags = command.opts() as Readonly<Record<string, unknown>>;
  const found: Found = new Map();
  const ofStores: Record<string, unknown> = {};
  const config = flags.config ?? env.MUSTER_CONFIG;
  if (typeof config === 'string') collect(found, faults, await readFileEntries(config, observers, faults, ofStores));
  collect(
    found,
    faults,
    SETTING_NAMES.flatMap((name) => {
      const given = env[variableOf(name)];
      return given === undefined || given === '' ? [] : [[name, given, variableOf(name)] as const];
    }),
  );
  collect(
    found,
    faults,
    SETTING_NAMES.flatMap((name) => {
      const key = command.options.find((option) => option.long === `--${flagOf(name)}`)?.attributeName() ?? name;
      const given = command.getOptionValueSource(key) === 'cli' ? flags[key] : undefined;
      return given === undefined ? [] : [[name, given, `--${flagOf(name)}`] as const];
    }),
  );
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(STORE_VARIABLE) && value !== undefined && value !== '')
      ofStores[name.slice(STORE_VARIABLE.length).toLowerCase()] = value;
  Object.assign(ofStores, Object.fromEntries(given));
  observers.takeFromVariables(env);
  observers.takeFlags(taken);
  if (flags.debug === true && !found.has('logLevel')) found.set('logLevel', { value: 'debug', where: '--debug' });
  const options: BrokerOptions = {
    ...Object.fromEntries([...found].map(([name, { value }]) => [name, value])),
    dbOptions: ofStores,
    observers: observers.settings,
    observerModules: observers.modules,
  };
  const whereOf = (name: string) => found.get(name as SettingName)?.where ?? observers.whereOf(name) ?? name;
  if (faults.length > 0)
    throw configError([...faults, ...observerFaults(observers.settings, observers.modules, whereOf)]);
  const resolved = resolveBrokerOptions(options, whereOf);
  return { do: flags.check === true ? 'check' : 'serve', options: resolved };
};
