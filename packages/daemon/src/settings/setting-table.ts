import { readSetting } from './read-setting.js';
import type { Setting, SettingFault, SettingValue } from './setting.js';
import { SettingValues } from './setting-values.js';

/** One setting as somebody gave it, and where. */
export type SettingEntry<Name extends string> = readonly [name: Name, given: unknown, where: string];

/**
 * Every setting of a program. A name is that of the config file; `hangMs` is `--hang-ms` on the command line and
 * `MUSTER_HANG_MS` in the environment.
 */
export class SettingTable<Name extends string> {
  readonly names: readonly Name[];
  readonly #settings: Readonly<Record<Name, Setting>>;
  readonly #owner: string;

  /** @param owner whose they are, for faults: `a broker` */
  constructor(owner: string, settings: Readonly<Record<Name, Setting>>) {
    this.#owner = owner;
    this.#settings = settings;
    this.names = Object.keys(settings) as Name[];
  }

  settingOf(name: Name): Setting {
    return this.#settings[name];
  }
  /** `hangMs` as `hang-ms`. */
  flagOf(name: Name): string {
    return this.#settings[name].flag ?? kebab(name);
  }
  /** `hangMs` as `MUSTER_HANG_MS`. */
  variableOf(name: Name): string {
    const { variable } = this.#settings[name];
    return variable ?? `MUSTER_${this.flagOf(name).toUpperCase().replaceAll('-', '_')}`;
  }
  /** The setting whose flag a key of a file is: `hang-ms` is understood as `hangMs` is. */
  flagged(key: string): Name | undefined {
    return this.names.find((known) => this.flagOf(known) === key);
  }
  /** The setting that a key names; where it names none, that is a fault. */
  named(key: string, where: string, faults: SettingFault[]): Name | undefined {
    const name = this.names.find((known) => known === key);
    if (name === undefined) faults.push({ where, message: `is no setting of ${this.#owner}` });
    return name;
  }

  /** Reads one value; undefined where it can't be, which is a fault. */
  read([name, given, where]: SettingEntry<Name>, faults: SettingFault[]): SettingValue | undefined {
    const read = readSetting(this.#settings[name], given);
    if ('value' in read) return read.value;
    faults.push({ where, message: read.fault });
    return undefined;
  }

  /**
   * Reads options as another program or `readSettings` gives them; what is wrong goes to `faults`.
   *
   * @param others keys that are options, but none of these settings
   */
  check(
    options: Readonly<Partial<Record<Name, unknown>>>,
    whereOf: (name: string) => string,
    faults: SettingFault[],
    others: ReadonlySet<string> = new Set(),
  ): SettingValues<Name> {
    const values = new Map<Name, SettingValue>();
    for (const name of this.names) {
      if (options[name] === undefined) continue;
      const value = this.read([name, options[name], whereOf(name)], faults);
      if (value !== undefined) values.set(name, value);
    }
    for (const key of Object.keys(options)) if (!others.has(key)) this.named(key, key, faults);
    return new SettingValues(values);
  }
}

const kebab = (name: string): string =>
  name.replace(/MiB/, '-mib').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
