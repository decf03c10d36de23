import type { Http } from './http-types.js';
import type { WebSocketClass, Ws } from './ws-types.js';

/** Adds a value under a name that was declared when the file was loaded. */
export interface CustomMetric<V> {
  readonly name: string;
  add(value: V, tags?: Readonly<Record<string, string>>): void;
}
export type MetricClass<V, A extends unknown[] = []> = new (name: string, ...rest: A) => CustomMetric<V>;

/** Where the caller is: its scenario, its user, its agent, the test. */
export interface Exec {
  readonly scenario: {
    readonly name: string;
    readonly executor: string;
    /** Wall-clock milliseconds since 1970. */
    readonly startTime: number;
    /** 0 to 1. */
    readonly progress: number;
    readonly iterationInInstance: number;
    /** Unique in the whole cluster for executors with a schedule and for shared-iterations. */
    readonly iterationInTest: number;
  };
  readonly instance: {
    /** Milliseconds since the run's start. */
    readonly currentTestRunDuration: number;
    readonly iterationsCompleted: number;
    readonly iterationsInterrupted: number;
    readonly vusActive: number;
    readonly vusInitialized: number;
  };
  readonly vu: {
    readonly idInInstance: number;
    /** Unique in the whole cluster. */
    readonly idInTest: number;
    readonly iterationInInstance: number;
    readonly iterationInScenario: number;
    /** Tags that every later metric of this user carries. */
    readonly tags: Record<string, string>;
  };
  readonly test: {
    /** Ends the whole run; its verdict is `aborted`, exit code 108. */
    abort(reason?: string): never;
    /** Ends this iteration as failed. */
    fail(reason?: string): never;
    readonly options: unknown;
  };
  readonly agent: {
    readonly id: string;
    readonly node: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly worker: number;
  };
}

/** A part of something that is handed out in the whole cluster. */
export interface Claimed {
  /** First index. */
  readonly from: number;
  readonly count: number;
}

/** What an agent gives a running test: the values behind every export of this package. */
export interface ScriptRuntime {
  readonly http: Http;
  readonly ws: Ws;
  readonly WebSocket: WebSocketClass;
  check<T>(
    value: T,
    checks: Readonly<Record<string, (value: T) => unknown>>,
    tags?: Readonly<Record<string, string>>,
  ): boolean;
  group<T>(name: string, fn: () => T | Promise<T>): Promise<T>;
  sleep(seconds: number): Promise<void>;
  fail(reason?: string): never;
  readonly Counter: MetricClass<number>;
  readonly Gauge: MetricClass<number>;
  readonly Rate: MetricClass<boolean | number>;
  readonly Trend: MetricClass<number, [isTime?: boolean]>;
  readonly exec: Exec;
  once<T>(name: string, make: () => T | Promise<T>): Promise<T>;
  barrier(name: string): Promise<{ readonly arrived: number; readonly lost: number }>;
  claim(name: string, count?: number): Promise<Claimed | null>;
  randomSeed(seed: number): void;
}

/** Every value that a test can import; a bundle's shim is made from this list. */
export const SCRIPT_EXPORTS = [
  'http',
  'ws',
  'WebSocket',
  'check',
  'group',
  'sleep',
  'fail',
  'Counter',
  'Gauge',
  'Rate',
  'Trend',
  'exec',
  'once',
  'barrier',
  'claim',
  'randomSeed',
] as const satisfies readonly (keyof ScriptRuntime)[];

/** Where the runtime lies in a worker; one for the process. */
export const RUNTIME_KEY: symbol = Symbol.for('@muster/script');

/** Raised when what a bundle expects of its agent changes. An agent refuses a bundle of another one. */
export const SCRIPT_VERSION = '0.2.0';

/** The runtime of this process. @throws Error outside an agent's worker. */
export const runtime = (): ScriptRuntime => {
  const found = (globalThis as { [key: symbol]: unknown })[RUNTIME_KEY];
  if (found === undefined)
    throw new Error('@muster/script works inside a load test only: start it with `muster run FILE`');
  return found as ScriptRuntime;
};

/** Puts a runtime in its place; the agent's worker does so before it loads a bundle. */
export const installRuntime = (made: ScriptRuntime): void => {
  (globalThis as { [key: symbol]: unknown })[RUNTIME_KEY] = made;
};
