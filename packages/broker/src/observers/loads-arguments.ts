import type { Observer, ObserverChoice } from './observer.js';
import type { ObserverBook } from './observer-book.js';

type Arguments = Readonly<Record<string, unknown>>;

/** What the controller of the original's runs asks about observers, of the arguments of a run. */
export interface OriginalObservers {
  /** Why a run does not begin; null when it may. */
  refusal(args: Arguments): string | null;
  choice(args: Arguments): ObserverChoice;
  /** The arguments with something else in place of what only observers may know. */
  withoutSecrets(args: Arguments, instead: string | null): Arguments;
}

export const originalObservers = (book: ObserverBook): OriginalObservers => ({
  refusal: (args) => book.refusal(observersInArguments(args, book))?.message ?? null,
  choice: (args) => observersInArguments(args, book),
  withoutSecrets: (args, instead) => withoutObserverSecrets(args, book, instead),
});

/**
 * What a run of the original wants of observers: its argument `observer` has the names, `observer_NAME_OPTION` the options.
 * Programs of the original send the options of all that they know, and defaults that nobody wrote: those of observers that
 * are not named say nothing, and a default says nothing to a broker that has the observer set up.
 */
const observersInArguments = (args: Arguments, book: ObserverBook): ObserverChoice => {
  const { observer: given } = args;
  const names = (Array.isArray(given) ? given : given === undefined || given === null ? [] : [given]).map(textOf);
  const named = new Set(names.flatMap((name) => book.find(name) ?? []));
  return {
    names: [...new Set(names)],
    options: Object.fromEntries([...named].map((observer) => [observer.name, optionsOf(args, observer, book)])),
  };
};

const optionsOf = (args: Arguments, observer: Observer, book: ObserverBook): Readonly<Record<string, unknown>> => {
  const prefix = prefixOf(observer);
  const given = Object.entries(args).flatMap(([key, value]) => {
    if (!key.startsWith(prefix) || value === null || value === undefined || value === '') return [];
    const name = key.slice(prefix.length).replaceAll('_', '-');
    const option = Object.hasOwn(observer.options, name) ? observer.options[name] : undefined;
    const isDefault = option?.loads !== undefined && String(option.loads) === textOf(value);
    return isDefault && book.isSetUp(observer) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
};

/** What came as JSON need not have a text. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const prefixOf = ({ name }: Observer): string => `observer_${name}_`;

const withoutObserverSecrets = (args: Arguments, book: ObserverBook, instead: string | null): Arguments => {
  const secrets = new Set(
    book.all.flatMap((observer) =>
      Object.entries(observer.options).flatMap(([name, { secret }]) =>
        secret === true ? [`${prefixOf(observer)}${name.replaceAll('-', '_')}`] : [],
      ),
    ),
  );
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key, secrets.has(key) && value !== null ? instead : value]),
  );
};
