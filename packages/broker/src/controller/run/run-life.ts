import type { RunState } from '@muster/protocol';

/**
 * A run's life.
 *
 * | step        | state     | what happens     | next        |                                                    |
 * |-------------|-----------|------------------|-------------|----------------------------------------------------|
 * | loading     | preparing | `prepared`       | making      | all have the bundle, the options are fine; plan 0  |
 * | making      | preparing | `ready`          | waiting     | all have their users; the start is chosen; plan 1  |
 * | waiting     | ready     | `begun`          | running     | the start has come                                 |
 * | waiting, running    |   | `stop`           | stopping    | members start nothing new                          |
 * | waiting, running, stopping | | `over`      | collecting  | every living member is finished                    |
 * | loading … stopping  |   | `cut`            | collecting  | members are told to abort                          |
 * | collecting  | settling  | `gathered`       | counting    | every stream is closed, or that took too long      |
 * | counting    | settling  | `counted`        | summarising | the verdict is set                                 |
 * | summarising | settling  | `summarised`     | authoring   | a member runs the author's `handleSummary`, if any |
 * | authoring   | settling  | `authored`       | finished    | everything that a run leaves is kept               |
 */
const STATES = {
  loading: 'preparing',
  making: 'preparing',
  waiting: 'ready',
  running: 'running',
  stopping: 'stopping',
  collecting: 'settling',
  counting: 'settling',
  summarising: 'settling',
  authoring: 'settling',
  finished: 'finished',
} as const satisfies Record<string, RunState>;

/** Where a run is, more finely than its state says. */
export type Step = keyof typeof STATES;

export type Happening =
  | 'prepared'
  | 'ready'
  | 'begun'
  | 'stop'
  | 'over'
  | 'cut'
  | 'gathered'
  | 'counted'
  | 'summarised'
  | 'authored';

const NEXT: Readonly<Record<Step, Partial<Readonly<Record<Happening, Step>>>>> = {
  loading: { prepared: 'making', cut: 'collecting' },
  making: { ready: 'waiting', cut: 'collecting' },
  waiting: { begun: 'running', stop: 'stopping', over: 'collecting', cut: 'collecting' },
  running: { stop: 'stopping', over: 'collecting', cut: 'collecting' },
  stopping: { over: 'collecting', cut: 'collecting' },
  collecting: { gathered: 'counting' },
  counting: { counted: 'summarising' },
  summarising: { summarised: 'authoring' },
  authoring: { authored: 'finished' },
  finished: {},
};

/** What clients see of a step. */
export const stateOf = (step: Step): RunState => STATES[step];

/** The step after this one; null: that can't happen here, and changes nothing. */
export const after = (step: Step, happening: Happening): Step | null => NEXT[step][happening] ?? null;

/** Before the start is chosen: nobody has loaded anything. */
export const isPreparing = (step: Step): boolean => STATES[step] === 'preparing';
/** Members may load, or may have to be told when. */
export const isLoading = (step: Step): boolean => step === 'waiting' || step === 'running' || step === 'stopping';
/** The load is over. */
export const isOver = (step: Step): boolean => STATES[step] === 'settling' || step === 'finished';
