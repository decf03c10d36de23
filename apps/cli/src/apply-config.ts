import { MusterError } from '@muster/protocol';
import type { Command, Option } from 'commander';
import { type ConfigValue, readConfigFile } from './config-file.js';
import { observerKey } from './observer-flags.js';

/** Keys of a config file that are no flags of the command. */
export interface ConfigExtras {
  /** The test, which stands without a flag on the command line. */
  file: string | null;
  readonly observerOptions: Map<string, string>;
}

/**
 * Gives a command the values of a config file, wherever the command line says nothing.
 *
 * @throws MusterError `BAD_CONFIG` for a key that is no flag, or a value that the flag would not take
 */
export const applyConfig = async (command: Command, file: string, label: string): Promise<ConfigExtras> => {
  const extras: ConfigExtras = { file: null, observerOptions: new Map() };
  for (const [key, value] of await readConfigFile(file)) {
    const where = `${label}: ${key}`;
    const observer = observerKey(`--${key}`);
    const option = command.options.find(({ long }) => long === `--${key}` || long === `--no-${key}`);
    if (key === 'fqn' || key === 'file') extras.file = String(value);
    else if (option !== undefined && option.long !== '--config') give(command, option, value, where);
    else if (observer !== null) extras.observerOptions.set(observer, String(value));
    else throw new MusterError('BAD_CONFIG', `${where} is no option of \`muster ${command.name()}\``);
  }
  return extras;
};

const give = (command: Command, option: Option, value: ConfigValue, where: string): void => {
  const name = option.attributeName();
  const source = command.getOptionValueSource(name);
  if (source === 'cli' || source === 'env') return;
  command.setOptionValueWithSource(name, read(option, value, where), 'config');
};

const read = (option: Option, value: ConfigValue, where: string): unknown => {
  if (option.isBoolean()) {
    if (typeof value === 'boolean') return value;
    throw new MusterError('BAD_CONFIG', `${where} must be true or false, not "${String(value)}"`);
  }
  if (typeof value === 'boolean') throw new MusterError('BAD_CONFIG', `${where} wants a value, not ${value}`);
  const { parseArg } = option;
  try {
    let read: unknown;
    for (const each of typeof value === 'string' ? [value] : value)
      read = parseArg === undefined ? each : parseArg(each, read);
    return read;
  } catch (cause) {
    throw new MusterError('BAD_CONFIG', `${where} ${(cause as Error).message}`, { cause });
  }
};
