import { readFile } from 'node:fs/promises';
import { type Command, CommanderError } from 'commander';
import { commandOf, type Program } from './program-command.js';
import type { SettingFault, SettingValue } from './setting.js';
import type { SettingEntry, SettingTable } from './setting-table.js';

/** Where settings are read from. */
export interface SettingSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `--version` says. */
  readonly version: string;
  readonly print: (text: string) => void;
  /** Takes a key of the file that is no setting of the table. @returns whether it did */
  readonly takeFromFile?: (key: string, value: unknown, where: string) => boolean;
}

/** What flags, variables and the config file say. */
export interface GivenSettings {
  readonly options: Readonly<Record<string, SettingValue>>;
  /** Flag, variable or line of the file from which a setting comes. */
  whereOf(name: string): string | undefined;
  /** Whether a flag that is no setting was given. */
  asks(flag: string): boolean;
}

/**
 * Reads flags, variables and the config file; flags win over variables, those over the file. `--help` and `--version`
 * are printed here. What is wrong goes to `faults`.
 *
 * @returns null when help or the version was asked for
 */
export const readSettings = async <Name extends string>(
  program: Program<Name>,
  sources: SettingSources,
  faults: SettingFault[],
): Promise<GivenSettings | null> => {
  const { table } = program;
  const { env } = sources;
  const command = commandOf(program, sources.version)
    .exitOverride()
    .configureOutput({ writeOut: sources.print, writeErr: () => undefined });
  try {
    command.parse([...sources.argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return null;
    faults.push({ where: 'flags', message: thrown.message.replace(/^error: /, '') });
  }
  const flags = command.opts() as Readonly<Record<string, unknown>>;
  const file = flags.config ?? env.MUSTER_CONFIG;
  const found = new Map<string, { readonly value: SettingValue; readonly where: string }>();
  for (const entry of [
    ...(typeof file === 'string' && file !== '' ? await ofFile(file, table, faults, sources.takeFromFile) : []),
    ...ofVariables(table, env),
    ...ofAliases(program, flags),
    ...ofFlags(table, command),
  ]) {
    const [name, , where] = entry;
    const value = table.read(entry, faults);
    if (value !== undefined) found.set(name, { value, where });
  }
  return {
    options: Object.fromEntries([...found].map(([name, { value }]) => [name, value])),
    whereOf: (name) => found.get(name)?.where,
    asks: (flag) => flags[flag] === true,
  };
};

const ofFile = async <Name extends string>(
  file: string,
  table: SettingTable<Name>,
  faults: SettingFault[],
  takeFromFile: SettingSources['takeFromFile'],
): Promise<SettingEntry<Name>[]> => {
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
  return Object.entries(parsed).flatMap(([key, value]): SettingEntry<Name>[] => {
    const where = `${file}: ${key}`;
    if (takeFromFile?.(key, value, where) === true) return [];
    const name = table.flagged(key) ?? table.named(key, where, faults);
    return name === undefined ? [] : [[name, value, where]];
  });
};

const ofVariables = <Name extends string>(table: SettingTable<Name>, env: SettingSources['env']) =>
  table.names.flatMap((name): SettingEntry<Name>[] => {
    const variable = table.variableOf(name);
    const given = env[variable];
    return given === undefined || given === '' ? [] : [[name, given, variable]];
  });

const ofAliases = <Name extends string>({ aliases }: Program<Name>, flags: Readonly<Record<string, unknown>>) =>
  aliases.flatMap(({ flag, sets, read }): SettingEntry<Name>[] =>
    flags[flag] === undefined ? [] : [[sets, read(String(flags[flag])), `--${flag}`]],
  );

const ofFlags = <Name extends string>(table: SettingTable<Name>, command: Command) =>
  table.names.flatMap((name): SettingEntry<Name>[] => {
    const flag = `--${table.flagOf(name)}`;
    const key = command.options.find((option) => option.long === flag)?.attributeName() ?? name;
    return command.getOptionValueSource(key) === 'cli' ? [[name, command.getOptionValue(key), flag]] : [];
  });
