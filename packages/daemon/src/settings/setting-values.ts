import { LOG_LEVELS, type LogLevel, type SettingValue } from './setting.js';

/** Settings that were read, each asked for as what its kind makes it. */
export class SettingValues<Name extends string> {
  readonly #values: ReadonlyMap<Name, SettingValue>;

  constructor(values: ReadonlyMap<Name, SettingValue>) {
    this.#values = values;
  }

  text<Otherwise extends string | null>(name: Name, otherwise: Otherwise): string | Otherwise {
    const value = this.#values.get(name);
    return value === undefined ? otherwise : String(value);
  }
  whole(name: Name, otherwise: number): number {
    return Number(this.#values.get(name) ?? otherwise);
  }
  flag(name: Name, otherwise: boolean): boolean {
    return (this.#values.get(name) ?? otherwise) === true;
  }
  level(name: Name, otherwise: LogLevel): LogLevel {
    const value = this.#values.get(name);
    return LOG_LEVELS.find((level) => level === value) ?? otherwise;
  }
  labels(name: Name): Readonly<Record<string, string>> {
    const value = this.#values.get(name);
    return typeof value === 'object' ? value : {};
  }
}
