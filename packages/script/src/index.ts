/**
 * What a test imports. All of it is there only while a test runs on an agent; on import nothing happens.
 *
 * @packageDocumentation
 */
import type { Http } from './http-types.js';
import { type CustomMetric, type Exec, type MetricClass, runtime, type ScriptRuntime } from './runtime.js';
import type { WebSocket as Callbacks, WebSocketClass, Ws } from './ws-types.js';

export type {
  BatchRequest,
  CookieJar,
  CookieOptions,
  ExpectedStatuses,
  FileData,
  FormValue,
  Http,
  NamedUrl,
  Params,
  RequestBody,
  Response,
  ResponseCookie,
  StatusRange,
  Timings,
} from './http-types.js';
export type { DnsOption, Duration, Options, ScenarioOption, StageOption, ThresholdOption } from './options.js';
export type { Claimed, CustomMetric, Exec } from './runtime.js';
export type {
  Socket,
  WebSocketClass,
  Ws,
  WsCloseEvent,
  WsData,
  WsEnd,
  WsError,
  WsErrorEvent,
  WsEvents,
  WsListener,
  WsMessage,
  WsMessageEvent,
  WsOpenEvent,
  WsParams,
  WsPingEvent,
} from './ws-types.js';

declare global {
  /** Variables given with `-e NAME=value`. */
  const __ENV: Readonly<Record<string, string | undefined>>;
  /** Number of this virtual user in the whole cluster, from 1; 0 outside an iteration. */
  const __VU: number;
  /** Number of this user's iteration, from 0. */
  const __ITER: number;
}

const lazy = <K extends 'http' | 'exec' | 'ws'>(name: K): ScriptRuntime[K] =>
  new Proxy({} as ScriptRuntime[K] & object, { get: (_, key) => Reflect.get(runtime()[name], key) });

/**
 * A metric as a file declares it where no test runs yet: it is made by the runtime in which it is first used. (A bundle
 * has the agent's own classes in the place of these.)
 */
const lazyMetric = <V, A extends unknown[]>(kind: 'Counter' | 'Gauge' | 'Rate' | 'Trend'): MetricClass<V, A> =>
  class Declared implements CustomMetric<V> {
    readonly name: string;
    readonly #rest: A;
    readonly #made = new WeakMap<ScriptRuntime, CustomMetric<V>>();

    constructor(name: string, ...rest: A) {
      this.name = name;
      this.#rest = rest;
    }
    add(value: V, tags?: Readonly<Record<string, string>>): void {
      const where = runtime();
      let made = this.#made.get(where);
      if (made === undefined) {
        const Made = where[kind] as unknown as MetricClass<V, A>;
        made = new Made(this.name, ...this.#rest);
        this.#made.set(where, made);
      }
      made.add(value, tags);
    }
  };

/** HTTP with k6's names; every call gives a promise. */
export const http: Http = lazy('http');
/** WebSockets that are awaited: `const socket = await ws.connect(url)`. */
export const ws: Ws = lazy('ws');
/** A WebSocket with callbacks, as in `k6/websockets`. */
export type WebSocket = Callbacks;
/** A WebSocket with callbacks, as in `k6/websockets`. */
export const WebSocket: WebSocketClass = new Proxy(class {} as unknown as WebSocketClass, {
  construct: (_, args: unknown[]) =>
    new (runtime().WebSocket as unknown as new (...args: unknown[]) => Callbacks)(...args),
  get: (_, key) => Reflect.get(runtime().WebSocket, key),
});
/** Checks a value by named functions, counts each, and says whether all held. Never throws for a failed one. */
export const check: ScriptRuntime['check'] = (value, checks, tags) => runtime().check(value, checks, tags);
/** Runs a part of the test under a name; groups may lie in groups. */
export const group: ScriptRuntime['group'] = (name, fn) => runtime().group(name, fn);
/** Waits for so many seconds. */
export const sleep: ScriptRuntime['sleep'] = (seconds) => runtime().sleep(seconds);
/** Ends this iteration as failed. */
export const fail: ScriptRuntime['fail'] = (reason) => runtime().fail(reason);
/** A sum that only grows. Custom metrics are made when the file is loaded, not inside a function. */
export const Counter: MetricClass<number> = lazyMetric('Counter');
/** The latest value, with the least and the greatest. */
export const Gauge: MetricClass<number> = lazyMetric('Gauge');
/** The share of values that were true. */
export const Rate: MetricClass<boolean | number> = lazyMetric('Rate');
/** A distribution; with `isTime` its values are milliseconds. */
export const Trend: MetricClass<number, [isTime?: boolean]> = lazyMetric('Trend');
/** Where the caller is, and `exec.test.abort()`. */
export const exec: Exec = lazy('exec');
/** Computes a value one time in the whole cluster and hands it to all who ask. */
export const once: ScriptRuntime['once'] = (name, make) => runtime().once(name, make);
/** Waits until every worker of every living agent has arrived. */
export const barrier: ScriptRuntime['barrier'] = (name) => runtime().barrier(name);
/** Leases the next indices of something that must be used at most once in the whole cluster. */
export const claim: ScriptRuntime['claim'] = (name, count) => runtime().claim(name, count);
/** Makes `Math.random` of this user repeatable from here on. */
export const randomSeed: ScriptRuntime['randomSeed'] = (seed) => runtime().randomSeed(seed);

export default http;
