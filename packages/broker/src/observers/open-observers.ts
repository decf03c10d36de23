import { MusterError } from '@muster/protocol';
import { BUILT_IN } from './built-in.js';
import { loadModuleObserver } from './module-observer.js';
import type { Observer } from './observer.js';
import { ObserverBook, type ObserverSettings } from './observer-book.js';
import { readOption } from './observer-option.js';

/**
 * The observers of a broker: those that come with it, and the modules that its configuration names.
 *
 * @throws MusterError `BAD_CONFIG` for a module that can't be loaded, or an option that it does not have.
 */
export const openObservers = async (
  settings: ObserverSettings,
  modules: Readonly<Record<string, string>>,
  cwd: string,
): Promise<ObserverBook> => {
  const loaded: Observer[] = [];
  for (const [name, path] of Object.entries(modules)) {
    const observer = await loadModuleObserver(name, path, cwd);
    checkSettings(observer, settings[name] ?? {});
    loaded.push(observer);
  }
  return new ObserverBook([...BUILT_IN, ...loaded], settings);
};

const checkSettings = ({ name, options }: Observer, given: Readonly<Record<string, unknown>>): void => {
  for (const [key, value] of Object.entries(given)) {
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined) throw new MusterError('BAD_CONFIG', `the observer ${name} has no option ${key}`);
    const read = readOption(option, value);
    if ('fault' in read) throw new MusterError('BAD_CONFIG', `the option ${key} of the observer ${name} ${read.fault}`);
  }
};
