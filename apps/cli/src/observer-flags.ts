import { MusterError } from '@muster/protocol';

/** A command line without the options of observers, and those by the original's names (`observer_irc_server`). */
export interface ObserverFlags {
  readonly argv: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

const FLAG = /^--observer-([a-z0-9]+)-([a-z0-9-]+)$/;

/** The original's name of an observer's option, of its flag; null for any other flag. */
export const observerKey = (flag: string): string | null =>
  FLAG.test(flag) ? flag.slice(2).replaceAll('-', '_') : null;

/**
 * Takes `--observer-NAME-OPTION VALUE` out of a command line: which options there are is known to the broker, whose
 * observers they are.
 *
 * @throws MusterError `BAD_CONFIG` when the value is missing
 */
export const takeObserverFlags = (argv: readonly string[]): ObserverFlags => {
  const rest: string[] = [];
  const options = new Map<string, string>();
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') return { argv: [...rest, ...argv.slice(at)], options };
    const equals = word.indexOf('=');
    const key = observerKey(equals < 0 ? word : word.slice(0, equals));
    if (key === null) {
      rest.push(word);
      continue;
    }
    const value = equals < 0 ? argv[at + 1] : word.slice(equals + 1);
    if (value === undefined) throw new MusterError('BAD_CONFIG', `${word} wants a value`);
    options.set(key, value);
    if (equals < 0) at += 1;
  }
  return { argv: rest, options };
};

const KEY = /^observer_([a-z0-9]+)_([a-z0-9_]+)$/;

/** The same by observer and option, as `submit` wants them: `{ irc: { server } }`. */
export const observerOptionsOf = (options: ReadonlyMap<string, string>): Record<string, Record<string, string>> => {
  const found: Record<string, Record<string, string>> = {};
  for (const [key, value] of options) {
    const [, name, option] = KEY.exec(key) ?? [];
    if (name === undefined || option === undefined) continue;
    found[name] = { ...found[name], [option.replaceAll('_', '-')]: value };
  }
  return found;
};

/** Those of a config file that are about observers that the run names; a file may set up more than a run uses. */
export const ofNamedObservers = (
  options: ReadonlyMap<string, string>,
  names: readonly string[],
): ReadonlyMap<string, string> => {
  const named = new Set(names.map((name) => name.replace(/^loads\.observers\./, '')));
  return new Map([...options].filter(([key]) => named.has(KEY.exec(key)?.[1] ?? '')));
};
