import type { Observer } from './observer.js';

/** Writes how a run ended to the broker's log. */
export const consoleObserver: Observer = {
  name: 'console',
  options: {},
  finished: ({ run, verdict, exitCode, text }, { log }) => {
    log.info(verdict === null ? { run } : { run, verdict, exitCode }, text);
  },
};
