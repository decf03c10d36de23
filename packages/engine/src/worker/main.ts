import { Worker } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import { CallTimeout, Engine } from '../engine.js';
import type { WorkerFault, WorkerNews, WorkerOrder } from '../ipc.js';
import { RightToLoad } from '../right-to-load.js';

const HANG_MS = Number(process.env.MUSTER_HANG_MS ?? 10_000);
const MAX_RSS_BYTES = Number(process.env.MUSTER_MAX_RSS_BYTES ?? 0);
const STATS_MS = 500;

const right = new RightToLoad();
const watchdog = new Worker(new URL('./watchdog.js', import.meta.url), {
  workerData: { shared: right.shared, hangMs: HANG_MS, maxRssBytes: MAX_RSS_BYTES },
});
watchdog.unref();

let engine: Engine | undefined;
let ending = false;

const tell = (news: WorkerNews): void => {
  if (process.connected) process.send?.(news);
};
/** Ends the process after what was told has left. */
const leave = (code: number): void => {
  ending = true;
  if (!process.connected) realExit(code);
  process.send?.({ type: 'stats', vus: 0, lagMs: 0 } satisfies WorkerNews, undefined, undefined, () => realExit(code));
};
const realExit = process.exit.bind(process);

const faultOf = (thrown: unknown, phase: WorkerFault['phase'], code: string): WorkerFault => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const where = engine?.places.of(error.stack);
  const known = (error as { code?: unknown }).code;
  return {
    phase,
    code: known === 'NATIVE_MODULE' ? known : error instanceof MusterError ? error.code : code,
    message: error instanceof MusterError ? error.message : `${error.name}: ${error.message}`,
    ...(where === null || where === undefined ? {} : { where }),
  };
};

// What the author's code does to the process, it does to a worker only, and is told.
process.exit = ((code?: number) => {
  const { stack } = new Error('process.exit');
  const where = engine?.places.of(stack);
  tell({
    type: 'fault',
    fatal: true,
    fault: {
      phase: 'run',
      code: 'SCRIPT_EXIT',
      message: `the test called process.exit(${code ?? ''})`,
      ...(where ? { where } : {}),
    },
  });
  leave(1);
  throw new Error('process.exit ends the worker');
}) as typeof process.exit;
process.on('uncaughtException', (thrown) => {
  if (ending) return;
  engine?.error(
    'UNCAUGHT_EXCEPTION',
    String((thrown as Error)?.message ?? thrown),
    engine.places.of((thrown as Error)?.stack),
  );
});
process.on('unhandledRejection', (thrown) => {
  engine?.error(
    'UNHANDLED_REJECTION',
    String((thrown as Error)?.message ?? thrown),
    engine.places.of((thrown as Error | undefined)?.stack),
  );
});
for (const [name, level] of [
  ['log', 'info'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['error', 'error'],
  ['debug', 'debug'],
] as const) {
  console[name] = (...parts: unknown[]) => {
    const message = parts
      .map((part) => (typeof part === 'string' ? part : (JSON.stringify(part) ?? String(part))))
      .join(' ');
    tell({ type: 'log', level, message: message.slice(0, 8_192) });
  };
}

let nextId = 0;
const waiting = new Map<
  number,
  { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }
>();
type Question = Extract<WorkerNews, { readonly id: number }>;
const ask = <T>(
  question: Question extends infer Q ? (Q extends { readonly id: number } ? Omit<Q, 'id'> : never) : never,
): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    nextId += 1;
    waiting.set(nextId, { resolve: resolve as (value: never) => void, reject });
    tell({ ...question, id: nextId } as WorkerNews);
  });

const once = async (name: string, make: () => unknown): Promise<unknown> => {
  const got = await ask<{ readonly compute: boolean; readonly value?: unknown }>({ type: 'once.get', name });
  if (!got.compute) return got.value;
  try {
    const value = await make();
    await ask({ type: 'once.put', name, value });
    return value;
  } catch (thrown) {
    await ask({
      type: 'once.put',
      name,
      error: { code: 'SCRIPT_EXCEPTION', message: String((thrown as Error)?.message ?? thrown) },
    });
    throw thrown;
  }
};

const obey = async (order: WorkerOrder): Promise<void> => {
  switch (order.type) {
    case 'init':
      engine = new Engine(order, {
        right,
        sealed: ({ second, sealedToMs, window, samples }) =>
          tell({ type: 'window', second, sealedToMs, window, ...(samples === null ? {} : { samples }) }),
        started: (atMs) => tell({ type: 'started', atMs }),
        abort: (reason) => tell({ type: 'abort', reason }),
        once,
        barrier: (name) => ask({ type: 'barrier', name }),
        claim: (name, mode, count, confirmed) => ask({ type: 'claim', name, mode, count, confirmed }),
      });
      try {
        tell({ type: 'loaded', ...(await engine.load()) });
      } catch (thrown) {
        tell({ type: 'fault', fatal: true, fault: faultOf(thrown, 'prepare', 'SCRIPT_EXCEPTION') });
      }
      return;
    case 'plan':
      engine?.plan(order);
      return;
    case 'data':
      if (engine === undefined) return;
      engine.data = order.data;
      void load(engine);
      tell({ type: 'ready' });
      return;
    case 'call':
      await call(order.fn, order.data, order.timeoutMs);
      return;
    case 'stop':
      engine?.stop(order.reason);
      return;
    case 'end':
      engine?.finish();
      leave(0);
      return;
    case 'reply': {
      const asker = waiting.get(order.id);
      waiting.delete(order.id);
      if (order.error !== undefined) asker?.reject(MusterError.fromWire(order.error));
      else asker?.resolve(order.result as never);
    }
  }
};

/** The load itself, from the start instant to the last window. */
const load = async (running: Engine): Promise<void> => {
  try {
    const outcome = await running.run();
    running.finish();
    tell({ type: 'done', outcome });
  } catch (thrown) {
    tell({ type: 'fault', fatal: true, fault: faultOf(thrown, 'run', 'INTERNAL') });
  }
};

const PHASES = {
  setup: ['setup', 'SETUP'],
  teardown: ['teardown', 'TEARDOWN'],
  handleSummary: ['summary', 'SCRIPT'],
} as const;

const call = async (fn: 'setup' | 'teardown' | 'handleSummary', data: unknown, timeoutMs: number): Promise<void> => {
  try {
    const value = await engine?.call(fn, data, timeoutMs);
    if (fn === 'teardown') engine?.sealAfterwards();
    tell({ type: 'called', fn, value });
  } catch (thrown) {
    const [phase, prefix] = PHASES[fn];
    const code =
      prefix === 'SCRIPT' ? 'SCRIPT_EXCEPTION' : `${prefix}_${thrown instanceof CallTimeout ? 'TIMEOUT' : 'FAILED'}`;
    tell({ type: 'called', fn, error: faultOf(thrown, phase, code) });
  }
};

process.on('message', (order) => void obey(order as WorkerOrder));
process.on('disconnect', () => realExit(0));

let lastStatsMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  tell({ type: 'stats', vus: engine?.vus ?? 0, lagMs: Math.max(0, nowMs - lastStatsMs - STATS_MS) });
  lastStatsMs = nowMs;
}, STATS_MS);
// Before the engine turns the loop's counter, this does: a bundle may block while it is loaded.
setInterval(() => right.turn(), 50);
