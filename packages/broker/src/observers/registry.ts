import { MusterError } from '@muster/protocol';
import { consoleObserver } from './console-observer.js';
import type { Observer } from './observer.js';

/** Every observer that a run may name. Nothing is loaded by a name that a client gives. */
export const OBSERVERS: readonly Observer[] = [consoleObserver];

/** @throws MusterError `OBSERVER_UNKNOWN` naming those there are. */
export const findObservers = (names: readonly string[], known: readonly Observer[] = OBSERVERS): readonly Observer[] =>
  [...new Set(names)].map((name) => {
    const observer = known.find((each) => each.name === name);
    if (observer !== undefined) return observer;
    throw new MusterError('OBSERVER_UNKNOWN', `there is no observer "${name}"`, {
      hint: `there are: ${known.map((each) => each.name).join(', ')}`,
    });
  });
