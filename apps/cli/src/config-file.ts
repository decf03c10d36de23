import { readFile } from 'node:fs/promises';
import { MusterError } from '@muster/protocol';

/** An option of a config file: one value, or a list for what may be given again. */
export type ConfigValue = string | boolean | readonly string[];

/**
 * Reads a config file: JSON, one object; or INI with a section `[muster]` or `[loads]` as the original has it, lists on
 * indented lines below their key. Keys are the flags' names, with `-` or `_` or in camel case.
 *
 * @throws MusterError `FILE_NOT_FOUND`, `BAD_CONFIG`
 */
export const readConfigFile = async (file: string): Promise<ReadonlyMap<string, ConfigValue>> => {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new MusterError('FILE_NOT_FOUND', `--config ${file} can't be read: ${cause.message}`, { cause });
  });
  const entries = text.trimStart().startsWith('{') ? jsonEntries(text, file) : iniEntries(text, file);
  return new Map(entries.map(([key, value]) => [toFlag(key), value]));
};

/** `user_id`, `userId` and `user-id` are the same. */
export const toFlag = (key: string): string =>
  key
    .trim()
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();

const jsonEntries = (text: string, file: string): (readonly [string, ConfigValue])[] => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MusterError('BAD_CONFIG', `${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
  return Object.entries(parsed as object).map(([key, value]) => [key, plainValue(value, `${file}: ${key}`)] as const);
};

const plainValue = (value: unknown, where: string): ConfigValue => {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map((each) => String(plainValue(each, where)));
  throw new MusterError('BAD_CONFIG', `${where} must be text, a number, true, false or a list of them`);
};

const iniEntries = (text: string, file: string): (readonly [string, ConfigValue])[] => {
  const entries: [string, string[]][] = [];
  let section = '';
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const head = /^\[([^\]]+)\]\s*$/.exec(line);
    const pair = /^([A-Za-z][\w.-]*)\s*[=:]\s*(.*)$/.exec(line);
    if (head !== null) section = head[1] ?? '';
    else if (section !== 'loads' && section !== 'muster') continue;
    else if (pair !== null) entries.push([pair[1] ?? '', pair[2] === '' ? [] : [(pair[2] ?? '').trim()]]);
    else if (/^\s/.test(line) && entries.length > 0) entries.at(-1)?.[1].push(line.trim());
    else throw new MusterError('BAD_CONFIG', `${file}:${index + 1} is neither a section nor KEY = VALUE`);
  }
  if (entries.length === 0) throw new MusterError('BAD_CONFIG', `${file} has no section [muster] or [loads]`);
  return entries.map(([key, lines]) => [key, iniValue(lines)] as const);
};

const iniValue = (lines: readonly string[]): ConfigValue => {
  const [only] = lines;
  if (lines.length !== 1 || only === undefined) return lines;
  if (/^(true|yes|on)$/i.test(only)) return true;
  return /^(false|no|off)$/i.test(only) ? false : only;
};
