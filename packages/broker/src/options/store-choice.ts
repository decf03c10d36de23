import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SettingFault } from '@muster/daemon';

/** The store that a broker was told to use, with its options as texts by their kebab-case names. */
export interface StoreChoice {
  /** `duckdb`, `memory`, or the URL of a module. */
  readonly store: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Stores by name, and the options that each has. Others are modules. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  duckdb: ['directory', 'sync-delay', 'max-size'],
  memory: ['max-size'],
};
/** The original's file store is our embedded one. */
const ALIASES: Readonly<Record<string, string>> = { python: 'duckdb' };

const NO_REDIS =
  'redis is no store here: it kept no order, lost what failed, and never deleted. Use duckdb (the default), or name a module of your own';

const FLAG = /^--db-(.+)$/;

/** `--db-…` flags out of a command line, as they were named, and what is left. */
export const takeStoreFlags = (
  argv: readonly string[],
): { readonly rest: readonly string[]; readonly given: readonly (readonly [string, string])[] } => {
  const rest: string[] = [];
  const given: [string, string][] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const argument = argv[at] ?? '';
    const named = FLAG.exec(argument)?.[1];
    if (named === undefined) {
      rest.push(argument);
      continue;
    }
    const equals = named.indexOf('=');
    if (equals !== -1) given.push([named.slice(0, equals), named.slice(equals + 1)]);
    else {
      given.push([named, argv[at + 1] ?? '']);
      at += 1;
    }
  }
  return { rest, given };
};

/**
 * Which store, with which options. An option of a store that was not chosen means nothing, as in the original.
 *
 * @param db a built-in store, an alias, or the path of a module
 * @param given options as `NAME-OPTION`; underscores are dashes
 */
export const chooseStore = (
  db: string,
  given: Readonly<Record<string, unknown>>,
  faults: SettingFault[],
): StoreChoice => {
  if (db === 'redis') faults.push({ where: 'db', message: NO_REDIS });
  const store = ALIASES[db] ?? db;
  const isModule = BUILT_IN[store] === undefined;
  if (isModule && db !== 'redis' && !/[./\\]/.test(db))
    faults.push({
      where: 'db',
      message: `${JSON.stringify(db)} is no store: use ${Object.keys(BUILT_IN).join(', ')}, or the path of a module`,
    });
  const own = isModule ? basename(db).replace(/\.[cm]?[jt]s$/, '') : store;
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const kebab = name.replaceAll('_', '-');
    const owner = [own, ...Object.keys(BUILT_IN), ...Object.keys(ALIASES), 'redis'].find((each) =>
      kebab.startsWith(`${each}-`),
    );
    const option = owner === undefined ? '' : kebab.slice(owner.length + 1);
    if (owner === undefined) faults.push({ where: `db-${name}`, message: 'names no store that there is' });
    else if ((ALIASES[owner] ?? owner) !== own) continue;
    else if (!isModule && BUILT_IN[store]?.includes(option) !== true)
      faults.push({ where: `db-${name}`, message: `is no option of ${store}: it has ${BUILT_IN[store]?.join(', ')}` });
    else if (String(value) === '') faults.push({ where: `db-${name}`, message: 'needs a value' });
    else options[option] = String(value);
  }
  if (!isModule) checkBuiltIn(options, faults, own);
  return { store: isModule && faults.length === 0 ? pathToFileURL(resolve(db)).href : store, options };
};

const checkBuiltIn = (options: Readonly<Record<string, string>>, faults: SettingFault[], store: string): void => {
  const { 'sync-delay': delay, 'max-size': size } = options;
  if (delay !== undefined && !/^\d{1,9}$/.test(delay))
    faults.push({ where: `db-${store}-sync-delay`, message: `must be milliseconds, not ${JSON.stringify(delay)}` });
  if (size !== undefined && bytesOf(size) === null)
    faults.push({
      where: `db-${store}-max-size`,
      message: `must be like 500MB or 10GB (a bare number: GB; -1: no bound), not ${JSON.stringify(size)}`,
    });
};

const UNITS: Readonly<Record<string, number>> = { '': 1e9, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** A size as text in bytes; a bare number is GB as in the original, and one below zero no bound. Null: it is no size. */
export const bytesOf = (text: string): number | null => {
  const found = /^(-?\d+(?:\.\d+)?)\s*([KMGT]B)?$/i.exec(text.trim());
  if (found === null) return null;
  const amount = Number(found[1]);
  return amount < 0 ? Number.POSITIVE_INFINITY : amount * (UNITS[(found[2] ?? '').toUpperCase()] ?? 1);
};
