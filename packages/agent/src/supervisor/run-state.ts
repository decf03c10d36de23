import type { FromAgent } from './messages.js';

/** How a run ended on this agent. */
export type Outcome = FromAgent<'finished'>['outcome'];

/**
 * Where the agent is with its run. Without a run it is idle.
 *
 * | state     | what happens                            | next      | and                                           |
 * |-----------|-----------------------------------------|-----------|-----------------------------------------------|
 * | (idle)    | `prepare`                               | fetching  | looks for the bundle, fetches it              |
 * | fetching  | the bundle is there                     | loading   | workers start                                 |
 * | loading   | all `loaded`                            | prepared  | `prepared`, again until plan 0 comes          |
 * | prepared  | plan 0                                  | making    | `plan.ack`; `setup` once, then its value to all |
 * | making    | all `ready`                             | ready     | `ready`, again until plan 1 comes             |
 * | ready     | plan 1                                  | running   | `plan.ack`; grants count from now on          |
 * | running   | all `done`                              | closing   |                                               |
 * | running   | `stop`, the orphan lease is over        | stopping  | workers start nothing new                     |
 * | stopping  | all `done`                              | closing   |                                               |
 * | stopping  | too long                                | ending    | the ladder                                    |
 * | closing   | `teardown` is done, or there is none    | sealing   | the stream's last batch                       |
 * | before closing | a worker dies, a fatal fault       | ending    | `fault`; the ladder for the others            |
 * | before running | `stop`                             | ending    | the ladder                                    |
 * | before sealing | `abort`                            | ending    | the ladder                                    |
 * | ending    | no worker is left                       | sealing   | the stream's last batch, if there is a stream |
 * | sealing   | the last batch is safe                  | finished  | `finished`, again until `forget` comes        |
 * | finished  | `summarize`                             | finished  | `handleSummary` in worker 0                   |
 * | finished  | `forget`                                | releasing | the ladder                                    |
 * | releasing | no worker is left                       | (idle)    | `slot.released`                               |
 * | before finished | `forget`                          | ending    | as `abort`, and then releasing                |
 */
export type RunState =
  | { readonly s: 'fetching' }
  | { readonly s: 'loading' }
  | { readonly s: 'prepared'; readonly repeatMs: number }
  | { readonly s: 'making' }
  | { readonly s: 'ready'; readonly repeatMs: number }
  | { readonly s: 'running' }
  | { readonly s: 'stopping'; readonly giveUpMs: number }
  | { readonly s: 'closing'; readonly outcome: Outcome }
  | { readonly s: 'ending'; readonly outcome: Outcome }
  | { readonly s: 'sealing'; readonly outcome: Outcome }
  | { readonly s: 'finished'; readonly outcome: Outcome; readonly repeatMs: number }
  | { readonly s: 'releasing' };

const ORDER = [
  'fetching',
  'loading',
  'prepared',
  'making',
  'ready',
  'running',
  'stopping',
  'closing',
  'ending',
  'sealing',
  'finished',
  'releasing',
] as const satisfies readonly RunState['s'][];

/** Whether a run has not come so far yet. */
export const isBefore = (state: RunState, other: RunState['s']): boolean =>
  ORDER.indexOf(state.s) < ORDER.indexOf(other);
