import { commandObserver } from './command-observer.js';
import { consoleObserver } from './console-observer.js';
import { emailObserver } from './email-observer.js';
import { ircObserver } from './irc-observer.js';
import type { Observer } from './observer.js';
import { slackObserver } from './slack-observer.js';
import { webhookObserver } from './webhook-observer.js';

/** Every observer that comes with the broker. */
export const BUILT_IN: readonly Observer[] = [
  consoleObserver,
  emailObserver,
  ircObserver,
  slackObserver,
  webhookObserver,
  commandObserver,
];
