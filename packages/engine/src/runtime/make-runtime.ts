import { parseDuration } from '@muster/plan';
import type { Http } from '@muster/script';
import type { ScriptRuntime } from '@muster/script/internal';
import { FailSignal } from '../load/iteration-runner.js';
import type { Frame } from '../load/virtual-user.js';
import { makeWs, type WsNetwork } from '../ws/author-ws.js';
import { check } from './check.js';
import { type ClusterPorts, ClusterPrimitives } from './cluster-primitives.js';
import { CustomMetrics } from './custom-metrics.js';
import { type ExecPorts, makeExec } from './exec.js';

/** What the runtime asks of the engine. */
export interface RuntimePorts extends Omit<ExecPorts, 'here'> {
  /** Where the author's code is; undefined outside of any function of the test. */
  readonly here: () => Frame | undefined;
  /** Runs a function in a frame: whatever it awaits stays there. */
  readonly within: <T>(frame: Frame, fn: () => T) => T;
  readonly http: Http;
  readonly network: () => WsNetwork;
  readonly cluster: ClusterPorts;
}

/** Never settles: what an iteration that was cut off still does must lead nowhere. */
const never = (): Promise<never> => new Promise(() => undefined);

/** The author's names stand apart from the system's own (`setup`, `iterations:…`). */
const authorName = (name: string): string => `test:${name}`;

/** The values behind every export of `@muster/script`. */
export const makeRuntime = (
  ports: RuntimePorts,
): { readonly runtime: ScriptRuntime; readonly metrics: CustomMetrics } => {
  const metrics = new CustomMetrics(ports.here);
  const cluster = new ClusterPrimitives(ports.cluster);
  const here = (what: string): Frame => {
    const frame = ports.here();
    if (frame === undefined)
      throw new Error(`${what} works inside a function of the test, not while the file is loaded`);
    return frame;
  };
  const runtime: ScriptRuntime = {
    http: ports.http,
    ...makeWs({ here, within: ports.within, network: ports.network, parseDuration }),
    check: (value, checks, tags) => check(here('check'), value, checks, tags),
    group: (name, fn) => group(here('group'), String(name), fn, ports.within),
    sleep: (seconds) => sleep(ports.here(), seconds),
    fail: (reason = 'failed by the test') => {
      throw new FailSignal(String(reason));
    },
    Counter: metrics.classOf('counter') as ScriptRuntime['Counter'],
    Gauge: metrics.classOf('gauge') as ScriptRuntime['Gauge'],
    Rate: metrics.classOf('rate') as ScriptRuntime['Rate'],
    Trend: metrics.classOf('trend') as ScriptRuntime['Trend'],
    exec: makeExec({ ...ports, here }),
    once: (name, make) => cluster.once(authorName(name), make) as never,
    barrier: (name) => cluster.barrier(authorName(name)),
    claim: (name, count = 1) => cluster.claim(authorName(name), count),
    randomSeed: (seed) => here('randomSeed').user.reseed(seed),
  };
  return { runtime, metrics };
};

const sleep = async (frame: Frame | undefined, seconds: number): Promise<void> => {
  if (!(seconds >= 0)) throw new Error(`sleep takes seconds, not ${String(seconds)}`);
  await new Promise((resolve) => setTimeout(resolve, Math.min(seconds * 1_000, 2_147_483_647)));
  if (frame?.cancelled === true) await never();
};

const group = async <T>(
  outer: Frame,
  name: string,
  fn: () => T | Promise<T>,
  within: RuntimePorts['within'],
): Promise<T> => {
  const frame = outer.inside(name);
  const startedMs = performance.now();
  try {
    return await within(frame, fn);
  } finally {
    if (!frame.cancelled) {
      const endedMs = performance.now();
      frame.user.scenario.recorder.touch(endedMs);
      frame.place.groupDuration().addUs(Math.round((endedMs - startedMs) * 1_000));
    }
  }
};
