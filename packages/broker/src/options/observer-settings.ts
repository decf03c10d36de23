import type { SettingFault } from '@muster/daemon';
import { BUILT_IN } from '../observers/built-in.js';
import type { ObserverSettings } from '../observers/observer-book.js';
import { readOption } from '../observers/observer-option.js';

/** Names of observers have no dash, so that `--observer-NAME-OPTION` can be read in one way only. */
const NAME = /^[a-z][a-z0-9]*$/;
const FLAG = /^--observer-([a-z][a-z0-9]*)-([a-z0-9-]+)$/;
const VARIABLE = /^MUSTER_OBSERVER_([A-Z][A-Z0-9]*)_([A-Z0-9_]+)$/;
const MODULES = 'MUSTER_OBSERVER_MODULES';

/** How a setting is called in faults, when nobody says where it stands. */
const keyOf = (observer: string, option: string): string => `observers.${observer}.${option}`;
const moduleKeyOf = (name: string): string => `observerModules.${name}`;

/** Everything that is wrong with the settings of observers. Options of modules are looked at when these are loaded. */
export const observerFaults = (
  settings: ObserverSettings,
  modules: Readonly<Record<string, string>>,
  whereOf: (name: string) => string,
): readonly SettingFault[] => {
  const faults: SettingFault[] = [];
  for (const name of Object.keys(modules)) {
    const where = whereOf(moduleKeyOf(name));
    if (!NAME.test(name)) faults.push({ where, message: 'the name must be of small letters and digits' });
    if (BUILT_IN.some((each) => each.name === name)) faults.push({ where, message: `there is an observer ${name}` });
  }
  for (const [name, options] of Object.entries(settings)) {
    if (Object.hasOwn(modules, name)) continue;
    const observer = BUILT_IN.find((each) => each.name === name);
    for (const [key, value] of Object.entries(options)) {
      const where = whereOf(keyOf(name, key));
      const option = observer !== undefined && Object.hasOwn(observer.options, key) ? observer.options[key] : undefined;
      if (observer === undefined) faults.push({ where, message: `there is no observer ${name}` });
      else if (option === undefined) faults.push({ where, message: `the observer ${name} has no option ${key}` });
      else {
        const read = readOption(option, value);
        if ('fault' in read) faults.push({ where, message: read.fault });
      }
    }
  }
  return faults;
};

/** A command line without what it says of observers. */
export interface TakenFlags {
  readonly argv: readonly string[];
  /** Flag and value. */
  readonly options: readonly (readonly [flag: string, value: string])[];
  /** `NAME=PATH` each. */
  readonly modules: readonly string[];
}

/** Takes `--observer-NAME-OPTION VALUE` and `--observer-module NAME=PATH` out: observers are not known by then. */
export const takeObserverFlags = (argv: readonly string[], faults: SettingFault[]): TakenFlags => {
  const rest: string[] = [];
  const options: (readonly [string, string])[] = [];
  const modules: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    if (flag !== '--observer-module' && !FLAG.test(flag)) {
      rest.push(word);
      continue;
    }
    const value = equals < 0 ? argv[at + 1] : word.slice(equals + 1);
    if (equals < 0) at += 1;
    if (value === undefined) faults.push({ where: flag, message: 'wants a value' });
    else if (flag === '--observer-module') modules.push(value);
    else options.push([flag, value]);
  }
  return { argv: rest, options, modules };
};

/** What flags, variables and the config file say of observers; what is taken later wins. */
export class ObserverEntries {
  readonly #faults: SettingFault[];
  readonly #settings = new Map<string, Map<string, unknown>>();
  readonly #modules = new Map<string, string>();
  readonly #where = new Map<string, string>();

  constructor(faults: SettingFault[]) {
    this.#faults = faults;
  }

  get settings(): ObserverSettings {
    return Object.fromEntries([...this.#settings].map(([name, options]) => [name, Object.fromEntries(options)]));
  }
  get modules(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#modules);
  }
  whereOf(key: string): string | undefined {
    return this.#where.get(key);
  }

  /** @returns whether the key is about observers. */
  takeFromFile(key: string, value: unknown, where: string): boolean {
    if (key !== 'observers' && key !== 'observerModules') return false;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#faults.push({ where, message: 'must be an object' });
      return true;
    }
    for (const [name, each] of Object.entries(value as Readonly<Record<string, unknown>>)) {
      if (key === 'observerModules') this.#module(name, each, `${where}.${name}`);
      else if (typeof each !== 'object' || each === null || Array.isArray(each))
        this.#faults.push({ where: `${where}.${name}`, message: 'must be an object of options' });
      else
        for (const [option, given] of Object.entries(each))
          this.#set(name, option, given, `${where}.${name}.${option}`);
    }
    return true;
  }

  takeFromVariables(env: Readonly<Record<string, string | undefined>>): void {
    for (const [variable, value] of Object.entries(env)) {
      if (value === undefined || value === '') continue;
      if (variable === MODULES) for (const each of value.split(',')) this.#namedModule(each, MODULES);
      const [, name, option] = VARIABLE.exec(variable) ?? [];
      if (name !== undefined && option !== undefined)
        this.#set(name.toLowerCase(), option.toLowerCase().replaceAll('_', '-'), value, variable);
    }
  }

  takeFlags({ options, modules }: TakenFlags): void {
    for (const [flag, value] of options) {
      const [, name = '', option = ''] = FLAG.exec(flag) ?? [];
      this.#set(name, option, value, flag);
    }
    for (const each of modules) this.#namedModule(each, '--observer-module');
  }

  #set(name: string, option: string, value: unknown, where: string): void {
    const options = this.#settings.get(name) ?? new Map<string, unknown>();
    this.#settings.set(name, options.set(option, value));
    this.#where.set(keyOf(name, option), where);
  }

  #namedModule(text: string, where: string): void {
    const [, name, path] = /^\s*([^=]+)=(.+?)\s*$/.exec(text) ?? [];
    if (name === undefined) this.#faults.push({ where, message: 'must be NAME=PATH' });
    else this.#module(name, path, `${where} ${name}`);
  }

  #module(name: string, path: unknown, where: string): void {
    if (typeof path !== 'string' || path === '') this.#faults.push({ where, message: 'must be a path or a package' });
    else this.#modules.set(name, path);
    this.#where.set(moduleKeyOf(name), where);
  }
}

/** What `MUSTER_OBSERVER_…` variables say, for a broker inside another program. @throws MusterError never: faults come at the start */
export const observersInEnvironment = (env: Readonly<Record<string, string | undefined>>): ObserverSettings => {
  const entries = new ObserverEntries([]);
  entries.takeFromVariables(env);
  return entries.settings;
};

/** The part of `--help`. */
export const observerHelp = (): string =>
  [
    '',
    'Observers, told when a run ends that names them (--observer NAME of `muster run`):',
    '  --observer-module <name=path>      one more, from a file or an npm package; may be given again',
    ...BUILT_IN.flatMap(({ name, options }) =>
      Object.entries(options).map(([option, { help }]) => `  ${`--observer-${name}-${option}`.padEnd(34)} ${help}`),
    ),
    'Each is also a variable (MUSTER_OBSERVER_EMAIL_PASSWORD) and stands in the config file under `observers`',
    '({"observers": {"email": {"password": "…"}}}); modules are `observerModules` there.',
  ].join('\n');
