import { cpus, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { WorkerFault } from '@muster/engine';
import { agentId, type BundleHash, MusterError, machineMs, type RunId } from '@muster/protocol';
import type { Logger } from 'pino';
import type { ResolvedAgentOptions } from '../options.js';
import { Outbox } from '../outbox/outbox.js';
import type { SupervisorEffect, SupervisorEvent, TimerName } from '../supervisor/events.js';
import { Supervisor } from '../supervisor/supervisor.js';
import { VERSION } from '../version.js';
import { WorkerHost } from '../worker-host/worker-host.js';
import { BrokerLink } from './broker-link.js';
import { BundleCache } from './bundle-cache.js';
import { nodeIdentity } from './node-identity.js';

const TICK_MS = 500;
const PIECE_MS = 10_000;
/** How long an ending agent waits for its last results to be acknowledged. */
const FLUSH_MS = 10_000;

/** The supervisor with real sockets, files, clocks and processes around it. */
export class AgentShell {
  readonly id: string;
  readonly closed: Promise<number>;
  readonly #options: ResolvedAgentOptions;
  readonly #log: Logger;
  readonly #identity: ReturnType<typeof nodeIdentity>;
  readonly #supervisor: Supervisor;
  readonly #outbox: Outbox;
  readonly #bundles: BundleCache;
  readonly #link: BrokerLink;
  #workers: WorkerHost[] = [];
  #bundlePath: string | null = null;
  readonly #timers = new Map<TimerName, NodeJS.Timeout>();
  readonly #pieces = new Map<
    string,
    {
      resolve: (piece: { size: number; data: Uint8Array }) => void;
      reject: (error: Error) => void;
      timer: NodeJS.Timeout;
    }
  >();
  #pieceId = 0;
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });
  #cpu = process.cpuUsage();
  #vitalsMs = performance.now();
  readonly #ticker: NodeJS.Timeout;
  #resolveClosed: (code: number) => void = () => undefined;
  #ending = false;

  constructor(options: ResolvedAgentOptions, log: Logger) {
    this.#options = options;
    this.#identity = nodeIdentity(options.data, options.node);
    const { node, boot, folder } = this.#identity;
    const id = agentId(node, boot);
    this.id = id;
    this.#log = log.child({ agent: id });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#supervisor = new Supervisor({
      id,
      node,
      boot,
      version: VERSION,
      ...(options.token === null ? {} : { token: options.token }),
      hostname: hostname(),
      pid: process.pid,
      cores: cpus().length,
      workers: options.workers,
      labels: options.labels,
      memoryBytes: totalmem(),
      rowsPerSecond: options.rowsPerSecond,
    });
    this.#bundles = new BundleCache(join(folder, 'bundles'));
    this.#outbox = new Outbox({
      folder: join(folder, 'outbox'),
      boot,
      agent: id,
      send: (header, payload) => this.#link.sendResult(header, payload),
      warn: (message) => this.#log.warn(message),
    });
    this.#lag.enable();
    this.#link = new BrokerLink({
      frontend: options.broker,
      agent: id,
      onUp: () => this.#handle({ type: 'connected', streams: this.#outbox.tails() }),
      onDown: () => {
        this.#outbox.disconnected();
        this.#handle({ type: 'disconnected' });
      },
      onRefused: () => this.#handle({ type: 'broker.refused' }),
      onMessage: (message) => {
        const piece = message.type === 'reply' ? this.#pieces.get(message.id) : undefined;
        if (message.type === 'reply' && piece !== undefined) {
          clearTimeout(piece.timer);
          this.#pieces.delete(message.id);
          if (message.error !== undefined)
            piece.reject(MusterError.fromWire(message.error as { code: string; message: string }));
          else piece.resolve(message.result as { size: number; data: Uint8Array });
        } else this.#handle({ type: 'message', message });
      },
      onFault: (error) => this.#log.warn(error.message),
    });
    this.#ticker = setInterval(() => this.#outbox.tick(performance.now()), TICK_MS);
  }

  #handle(event: SupervisorEvent): void {
    for (const effect of this.#supervisor.handle(event, machineMs())) this.#perform(effect);
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'send':
        if (effect.message.type !== 'beat') this.#log.debug({ sent: effect.message.type }, 'to the broker');
        this.#link.send(effect.message);
        return;
      case 'fetch':
        void this.#fetch(effect.run, effect.hash, effect.size);
        return;
      case 'start-workers':
        this.#startWorkers(effect.count);
        return;
      case 'order':
        for (const [index, worker] of this.#workers.entries())
          if (effect.worker === 'all' || effect.worker === index) worker.order(effect.order);
        return;
      case 'grant':
        for (const worker of this.#workers) worker.grant(effect.generation, effect.until);
        return;
      case 'signal':
        for (const worker of this.#workers) if (worker.alive) worker.signal(effect.signal);
        return;
      case 'append':
        this.#outbox.append(effect.run, effect.kind, effect.worker, effect.payload);
        return;
      case 'end-stream': {
        const tail = this.#outbox.end(effect.run, effect.payload);
        this.#handle({ type: 'stream.closed', run: effect.run, tail });
        return;
      }
      case 'outbox.connected':
        this.#outbox.connected();
        return;
      case 'outbox.ack':
        this.#outbox.ack(effect.stream, effect.upTo, performance.now());
        return;
      case 'outbox.resend':
        this.#outbox.resend(effect.stream, effect.from);
        return;
      case 'connect-receiver':
        this.#link.connectReceiver(effect.endpoint);
        return;
      case 'timer':
        this.#arm(effect.timer, effect.afterMs);
        return;
      case 'log':
        this.#log[effect.level](effect.text);
        return;
      case 'exit':
        void this.#exit(effect.code);
    }
  }

  #arm(timer: TimerName, afterMs: number): void {
    clearTimeout(this.#timers.get(timer));
    const fire = () => {
      if (timer === 'beat') this.#vitals();
      this.#handle({ type: 'timer', timer });
    };
    this.#timers.set(timer, setTimeout(fire, afterMs));
  }

  #vitals(): void {
    const used = process.cpuUsage(this.#cpu);
    const elapsedMs = performance.now() - this.#vitalsMs;
    if (elapsedMs < 100) return;
    this.#cpu = process.cpuUsage();
    this.#vitalsMs = performance.now();
    const loopLagMs = Math.max(0, this.#lag.max / 1e6 - 20);
    this.#lag.reset();
    this.#handle({
      type: 'vitals',
      vitals: {
        cpu: (used.user + used.system) / 1_000 / elapsedMs,
        rssBytes: process.memoryUsage.rss(),
        outboxBytes: this.#outbox.bytes,
        loopLagMs: Number.isFinite(loopLagMs) ? loopLagMs : 0,
      },
    });
  }

  async #fetch(run: RunId, hash: BundleHash, size: number): Promise<void> {
    try {
      const path = await this.#bundles.get(hash, size, (asked, offset) => this.#askPiece(asked, offset));
      this.#bundlePath = path;
      this.#handle({ type: 'bundle.ready', run, path });
    } catch (thrown) {
      const { code, message } = MusterError.from(thrown);
      this.#handle({ type: 'bundle.failed', run, code, message });
    }
  }

  #askPiece(hash: BundleHash, offset: number): Promise<{ size: number; data: Uint8Array }> {
    return new Promise((resolve, reject) => {
      this.#pieceId += 1;
      const id = `p:${this.#pieceId}`;
      const timer = setTimeout(() => {
        this.#pieces.delete(id);
        reject(new MusterError('TIMEOUT', `the broker did not send a piece of ${hash} in ${PIECE_MS} ms`));
      }, PIECE_MS);
      this.#pieces.set(id, { resolve, reject, timer });
      this.#link.send({ type: 'bundle.get', id, hash, offset });
    });
  }

  #startWorkers(count: number): void {
    const { maxHeapMb, hangMs } = this.#options;
    this.#workers = Array.from({ length: count }, (_, worker) => {
      const exit = (fault: WorkerFault | null): void => this.#handle({ type: 'worker.exit', worker, fault });
      return new WorkerHost({
        maxHeapMb,
        maxRssBytes: maxHeapMb * 2 * 1_048_576,
        hangMs,
        bundlePath: () => this.#bundlePath,
        onNews: (news) => this.#handle({ type: 'worker.news', worker, news }),
        onExit: exit,
      });
    });
  }

  /** Takes no further run, stops the one that goes on, sends what it holds, and ends. */
  async close(): Promise<void> {
    if (!this.#ending) this.#handle({ type: 'drain' });
    await this.closed;
  }

  async #exit(code: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    const endMs = performance.now() + FLUSH_MS;
    while (!this.#outbox.empty && this.#supervisor.linked && performance.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, 50));
    clearInterval(this.#ticker);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#lag.disable();
    for (const worker of this.#workers) if (worker.alive) worker.signal('SIGKILL');
    await this.#link.close();
    this.#outbox.close();
    this.#identity.release();
    this.#resolveClosed(code);
  }
}
