import { MusterError } from '@muster/protocol';
import type { Observer, ObserverChoice, ObserverValues } from './observer.js';
import { readOption } from './observer-option.js';

/** What the broker's own configuration says of observers, by observer and option, as it was given. */
export type ObserverSettings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** An observer with everything that it needs. */
export interface ReadyObserver {
  readonly observer: Observer;
  readonly options: ObserverValues;
}

/** Why observers can't be had as they were asked for. */
export interface ObserverRefusal {
  readonly code: 'OBSERVER_UNKNOWN' | 'BAD_CONFIG';
  readonly message: string;
}

/** How the original's module of an observer is called. */
const LOADS_MODULE = 'loads.observers.';

/** The observers of a broker: nothing is loaded by a name that a client gives. */
export class ObserverBook {
  readonly #observers: ReadonlyMap<string, Observer>;
  readonly #settings: ObserverSettings;

  constructor(observers: readonly Observer[], settings: ObserverSettings = {}) {
    this.#observers = new Map(observers.map((observer) => [observer.name, observer]));
    this.#settings = settings;
  }

  get all(): readonly Observer[] {
    return [...this.#observers.values()];
  }

  /** By its name, or by that of the original's module. */
  find(name: string): Observer | undefined {
    const plain = name.startsWith(LOADS_MODULE) ? name.slice(LOADS_MODULE.length) : name;
    return this.#observers.get(plain);
  }

  /** Whether the broker's own configuration says anything of it. */
  isSetUp(observer: Observer): boolean {
    return Object.keys(settingsOf(this.#settings, observer.name)).length > 0;
  }

  /** Every fault of a choice; null when a run may have it. */
  refusal(choice: ObserverChoice): ObserverRefusal | null {
    const { unknown, faults } = this.#resolve(choice);
    if (unknown.length > 0) {
      const names = unknown.map((name) => JSON.stringify(name)).join(', ');
      const known = [...this.#observers.keys()].join(', ');
      return { code: 'OBSERVER_UNKNOWN', message: `there is no observer ${names}; there are: ${known}` };
    }
    return faults.length === 0
      ? null
      : { code: 'BAD_CONFIG', message: `wrong options of observers: ${faults.join('; ')}` };
  }

  /** @throws MusterError `OBSERVER_UNKNOWN` or `BAD_CONFIG`, as after a restart with another configuration. */
  ready(choice: ObserverChoice): readonly ReadyObserver[] {
    const refusal = this.refusal(choice);
    if (refusal !== null) throw new MusterError(refusal.code, refusal.message);
    return this.#resolve(choice).ready;
  }

  #resolve({ names, options }: ObserverChoice): {
    readonly unknown: readonly string[];
    readonly faults: readonly string[];
    readonly ready: readonly ReadyObserver[];
  } {
    const unknown = names.filter((name) => this.find(name) === undefined);
    const named = [...new Set(names.flatMap((name) => this.find(name) ?? []))];
    const faults: string[] = [];
    for (const name of Object.keys(options)) {
      const observer = this.find(name);
      if (observer === undefined) faults.push(`there is no observer ${JSON.stringify(name)}`);
      else if (!named.includes(observer)) faults.push(`${observer.name} has options, and is not named`);
    }
    const ready = named.map((observer) => {
      const given = Object.assign(
        {},
        ...Object.entries(options).flatMap(([name, each]) => (this.find(name) === observer ? [each] : [])),
      ) as Readonly<Record<string, unknown>>;
      const own = settingsOf(this.#settings, observer.name);
      const merged = merge(observer, own, given);
      faults.push(...merged.faults.map((fault) => `${observer.name}: ${fault}`));
      return { observer, options: merged.values };
    });
    return { unknown, faults, ready };
  }
}

const settingsOf = (settings: ObserverSettings, name: string): Readonly<Record<string, unknown>> =>
  (Object.hasOwn(settings, name) ? settings[name] : undefined) ?? {};

/** The options of a run over those of the broker, over the defaults. */
const merge = (
  observer: Observer,
  own: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): { readonly values: ObserverValues; readonly faults: readonly string[] } => {
  const faults: string[] = [];
  const { options } = observer;
  for (const name of Object.keys(given)) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined)
      faults.push(`there is no option ${JSON.stringify(name)}, only ${Object.keys(options).join(', ') || 'none'}`);
    else if (option.brokerOnly === true) faults.push(`${name} can be set only in the broker's configuration`);
  }
  const read = readAll(observer, given, faults);
  const ours = readAll(observer, own, faults);
  const isElsewhere = Object.entries(read).some(
    ([name, value]) => options[name]?.place === true && value !== (ours[name] ?? options[name].default),
  );
  const values: Record<string, ObserverValues[string]> = {};
  for (const [name, option] of Object.entries(options)) {
    const mine = option.bound === true && isElsewhere ? undefined : ours[name];
    const value = read[name] ?? mine ?? option.default;
    if (value !== undefined) values[name] = value;
    else if (option.required === true && !(name in given))
      faults.push(
        option.brokerOnly === true
          ? `${name} is missing in the broker's configuration`
          : `${name} is missing: give it with the run, or in the broker's configuration`,
      );
  }
  return { values, faults };
};

const readAll = (observer: Observer, given: Readonly<Record<string, unknown>>, faults: string[]): ObserverValues => {
  const values: Record<string, ObserverValues[string]> = {};
  for (const [name, option] of Object.entries(observer.options)) {
    if (!Object.hasOwn(given, name)) continue;
    const read = readOption(option, given[name]);
    if ('fault' in read) faults.push(`${name} ${read.fault}`);
    else values[name] = read.value;
  }
  return values;
};
