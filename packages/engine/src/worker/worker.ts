import { type Code, MusterError } from '@muster/protocol';
import { type CallName, CallTimeout, Engine } from '../engine.js';
import type { Heartbeat } from '../heartbeat.js';
import type { InitOrder, WorkerFault, WorkerOrder } from '../ipc.js';
import type { WakeSource } from '../pace/pacer.js';
import type { RightToLoad } from '../right-to-load.js';
import type { Channel } from './channel.js';
import { clusterClient } from './cluster-client.js';
import { warmUp } from './warm-up.js';

export interface WorkerPorts {
  readonly channel: Channel;
  readonly right: RightToLoad;
  readonly heartbeat: Heartbeat;
  readonly wakeSource: (wake: () => void) => WakeSource;
  /** The bundle lies here: its lines can be told in the author's words. */
  readonly bundleAt: (path: string) => void;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

const STATS_MS = 500;
const PHASES = {
  setup: 'setup',
  teardown: 'teardown',
  handleSummary: 'summary',
} as const;
const FAILED = {
  setup: 'SETUP_FAILED',
  teardown: 'TEARDOWN_FAILED',
  handleSummary: 'SCRIPT_EXCEPTION',
} as const;
const TOO_LATE = {
  setup: 'SETUP_TIMEOUT',
  teardown: 'TEARDOWN_TIMEOUT',
  handleSummary: 'SCRIPT_EXCEPTION',
} as const;

/** Obeys the supervisor's orders in the order in which they come, and tells it what becomes of them. */
export class Worker {
  readonly #ports: WorkerPorts;
  #engine: Engine | null = null;
  #phase: WorkerFault['phase'] = 'prepare';

  constructor(ports: WorkerPorts) {
    this.#ports = ports;
    setInterval(() => this.#tellStats(), STATS_MS);
  }

  obey(order: WorkerOrder): void {
    switch (order.type) {
      case 'init':
        void this.#load(order);
        return;
      case 'plan':
        this.#engine?.plan(order);
        return;
      case 'data':
        if (this.#engine !== null) void this.#run(this.#engine, order.data);
        return;
      case 'call':
        if (this.#engine !== null) void this.#call(this.#engine, order.fn, order.data, order.timeoutMs);
        return;
      case 'stop':
        this.#engine?.stop();
        return;
      case 'end':
        this.#engine?.finish();
        this.leave(0);
        return;
      case 'reply':
        this.#ports.channel.answer(order);
    }
  }

  async #load(init: InitOrder): Promise<void> {
    const { channel, right, heartbeat, wakeSource } = this.#ports;
    this.#ports.bundleAt(init.bundlePath);
    const engine = new Engine(init, {
      right,
      heartbeat,
      wakeSource,
      cluster: clusterClient(channel),
      sealed: ({ second, sealedToMs, window, samples, events }) =>
        channel.tell({
          type: 'window',
          second,
          sealedToMs,
          window,
          ...(samples === null ? {} : { samples }),
          ...(events === null ? {} : { events }),
        }),
      started: (atMs) => channel.tell({ type: 'started', atMs }),
      abort: (reason) => channel.tell({ type: 'abort', reason }),
    });
    this.#engine = engine;
    // Before the author's code is there: nothing of the test can be in its way, or see it.
    await warmUp();
    try {
      channel.tell({ type: 'loaded', ...(await engine.load()) });
    } catch (thrown) {
      this.#fatal(thrown, isNative(thrown) ? 'NATIVE_MODULE' : 'SCRIPT_EXCEPTION');
    }
  }

  /** The load itself, from the start instant to the last window. */
  async #run(engine: Engine, data: unknown): Promise<void> {
    engine.data = data;
    this.#phase = 'run';
    this.#ports.channel.tell({ type: 'ready' });
    try {
      const outcome = await engine.run();
      this.#ports.channel.tell({ type: 'done', outcome });
    } catch (thrown) {
      this.#fatal(thrown, 'INTERNAL');
    }
  }

  async #call(engine: Engine, fn: CallName, data: unknown, timeoutMs: number): Promise<void> {
    this.#phase = PHASES[fn];
    try {
      const value = await engine.call(fn, data, timeoutMs);
      this.#ports.channel.tell({ type: 'called', fn, value });
    } catch (thrown) {
      const code = thrown instanceof CallTimeout ? TOO_LATE[fn] : FAILED[fn];
      this.#ports.channel.tell({
        type: 'called',
        fn,
        error: this.#faultOf(thrown, code),
      });
    }
  }

  #faultOf(thrown: unknown, code: Code): WorkerFault {
    const error = thrown instanceof Error ? thrown : null;
    const where = this.#engine?.places.of(error?.stack) ?? null;
    const isOurs = error instanceof MusterError;
    return {
      phase: this.#phase,
      code: isOurs ? error.code : code,
      message:
        error === null ? `thrown: ${String(thrown)}` : isOurs ? error.message : `${error.name}: ${error.message}`,
      ...(where === null ? {} : { where }),
    };
  }

  #fatal(thrown: unknown, code: Code): void {
    this.#ports.channel.tell({
      type: 'fault',
      fatal: true,
      fault: this.#faultOf(thrown, code),
    });
  }

  /** The author's code wants to end the process: told with its line, and then it does end. */
  exitAsked(code: unknown): never {
    const asked = new Error(`the test called process.exit(${code === undefined ? '' : String(code)})`);
    const fault = this.#faultOf(asked, 'SCRIPT_EXIT');
    this.#ports.channel.tell({
      type: 'fault',
      fatal: true,
      fault: { ...fault, message: asked.message },
    });
    this.leave(1);
    throw asked;
  }

  /** A failure outside of any iteration: of the author's code, as far as anybody can tell. It ends nothing. */
  failed(code: 'UNCAUGHT_EXCEPTION' | 'UNHANDLED_REJECTION', thrown: unknown): void {
    this.#engine?.error(code, thrown);
  }

  #tellStats(): void {
    const lagMs = this.#ports.heartbeat.takeLagMs();
    this.#ports.channel.tell({
      type: 'stats',
      vus: this.#engine?.vus ?? 0,
      lagMs,
    });
  }

  /** Ends the process when everything that was told has left. */
  leave(code: number): void {
    this.#ports.channel.tell({ type: 'stats', vus: 0, lagMs: 0 }, () => this.#ports.exit(code));
  }
}

/** What stands in the place of a native binary in a bundle throws this code. */
const isNative = (thrown: unknown): boolean => (thrown as { code?: unknown } | null)?.code === 'NATIVE_MODULE';
