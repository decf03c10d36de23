import type { ErrorGroup } from '@muster/protocol';

/**
 * What the agent's `WorkerHost` and the worker's `main` say to each other. The channel is the one of
 * `child_process.fork` with `serialization: 'advanced'`, so bytes travel as they are. File descriptor 4 is a second,
 * private pipe between the host and the worker's watchdog thread (see `WatchdogLine`).
 */

/** Milliseconds of the machine's monotonic clock, the same in all processes of one machine. */
export type MachineMs = number;

/** First message to a worker: load the bundle, say what it exports. */
export interface InitOrder {
  readonly type: 'init';
  readonly run: string;
  readonly name: string;
  /** The bundle, as a file that can be imported. */
  readonly bundlePath: string;
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly raw: 'thinned' | 'all' | 'none';
  /** Rows kept per second and worker when `raw` is `thinned`; all errors are kept besides. */
  readonly rowsPerSecond: number;
  /** Each second also tells what happened one by one. @default false */
  readonly events?: boolean;
  readonly agent: {
    readonly id: string;
    readonly node: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** This worker's place in its agent. */
  readonly worker: number;
  readonly workers: number;
}

/** A plan, with the run's start on this machine's clock. Generation 0 carries the options and no start. */
export interface PlanOrder {
  readonly type: 'plan';
  readonly generation: number;
  readonly fromMs: number;
  readonly startAt: MachineMs | null;
  readonly members: readonly string[];
  /** `ResolvedOptions` of `@muster/plan`; only in generation 0. */
  readonly options?: unknown;
}

/** What a worker is told. */
export type WorkerOrder =
  | InitOrder
  | PlanOrder
  /** Run `setup` (or `teardown`, with setup's value) here; answered by `called`. */
  | {
      readonly type: 'call';
      readonly fn: 'setup' | 'teardown';
      readonly data: unknown;
      readonly timeoutMs: number;
    }
  | {
      readonly type: 'call';
      readonly fn: 'handleSummary';
      readonly data: unknown;
      readonly timeoutMs: number;
    }
  /** The value of `setup`, for every user. The worker answers `ready`. */
  | { readonly type: 'data'; readonly data: unknown }
  | { readonly type: 'stop'; readonly reason: string }
  /** Seal what is open and exit. */
  | { readonly type: 'end' }
  /** The answer to a `claim`, `once.get`, `once.put` or `barrier` of this worker. */
  | {
      readonly type: 'reply';
      readonly id: number;
      readonly result?: unknown;
      readonly error?: { readonly code: string; readonly message: string };
    };

/** What a worker tells. */
export type WorkerNews =
  | {
      readonly type: 'loaded';
      readonly options: unknown;
      readonly functions: readonly string[];
      readonly metrics: readonly {
        readonly name: string;
        readonly type: 'counter' | 'gauge' | 'rate' | 'trend';
        readonly isTime: boolean;
      }[];
    }
  | {
      readonly type: 'called';
      readonly fn: 'setup' | 'teardown' | 'handleSummary';
      readonly value?: unknown;
      readonly error?: WorkerFault;
    }
  | { readonly type: 'ready' }
  | { readonly type: 'started'; readonly atMs: number }
  /** One sealed second: the two payloads as bytes, ready for the outbox (`samples` is absent without rows). */
  | {
      readonly type: 'window';
      readonly second: number;
      readonly sealedToMs: number;
      readonly window: Uint8Array;
      readonly samples?: Uint8Array;
      /** Only when `init` asked for them. */
      readonly events?: readonly TestEvent[];
    }
  /** The load of this worker is over (all windows are sealed); the worker stays for `call` until `end`. */
  | { readonly type: 'done'; readonly outcome: 'done' | 'stopped' | 'aborted' }
  | { readonly type: 'stats'; readonly vus: number; readonly lagMs: number }
  | {
      readonly type: 'fault';
      readonly fault: WorkerFault;
      readonly fatal: boolean;
    }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
    }
  /** The test called `exec.test.abort`. */
  | { readonly type: 'abort'; readonly reason: string }
  | {
      readonly type: 'claim';
      readonly id: number;
      readonly name: string;
      readonly mode: 'at-most-once' | 'at-least-once';
      readonly count: number;
      readonly confirmed: number;
    }
  | { readonly type: 'once.get'; readonly id: number; readonly name: string }
  | {
      readonly type: 'once.put';
      readonly id: number;
      readonly name: string;
      readonly value?: unknown;
      readonly error?: { readonly code: string; readonly message: string };
    }
  | { readonly type: 'barrier'; readonly id: number; readonly name: string };

/** Of which user, and in which of its iterations (from 0). */
interface EventPlace {
  readonly vu: number;
  readonly iteration: number;
}

/** Something that happened in a test. */
export type TestEvent =
  | (EventPlace & { readonly kind: 'begin' })
  | (EventPlace & {
      readonly kind: 'end';
      /** Null when nothing was thrown. */
      readonly error: { readonly code: string; readonly message: string; readonly where: string | null } | null;
    })
  /** A counter of the author's grew. */
  | (EventPlace & { readonly kind: 'count'; readonly name: string; readonly by: number })
  | (EventPlace & { readonly kind: 'socket_open' | 'socket_close' })
  | (EventPlace & { readonly kind: 'socket_message'; readonly bytes: number })
  /** So many more did not find room. */
  | { readonly kind: 'lost'; readonly count: number };

/** A failure in the author's code or of the worker itself. */
export interface WorkerFault {
  readonly phase: 'prepare' | 'setup' | 'run' | 'teardown' | 'summary';
  readonly code: string;
  readonly message: string;
  /** `file:line:column` in the author's file. */
  readonly where?: string;
}

/**
 * Lines of JSON on file descriptor 4, both ways. The host writes grants; the watchdog thread reads them even while the
 * main loop is blocked, and stores `until` where the main loop sees it. When the pipe closes, the supervisor is gone:
 * the watchdog ends the process. When the right to load has been over for a second, or the main loop has not turned for
 * `hangMs`, or the process is too large, it says why and ends the process. `where` is then the place in the bundle,
 * `url:line:column`, found by the inspector; the host finds the author's line behind it (`AuthorPlaces`).
 */
export type WatchdogLine =
  | {
      readonly grant: {
        readonly generation: number;
        readonly until: MachineMs;
      };
    }
  | {
      readonly hang: {
        readonly blockedMs: number;
        readonly where: string | null;
      };
    }
  | { readonly expired: { readonly until: MachineMs } }
  | {
      readonly memory: {
        readonly rssBytes: number;
        readonly maxRssBytes: number;
        readonly where: string | null;
      };
    };

export type { ErrorGroup };
