import { randomBytes } from 'node:crypto';
import { hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import type { InitOrder } from '@muster/engine';
import { type AgentId, type BundleHash, MusterError, machineMs } from '@muster/protocol';
import type { Logger } from '../log.js';
import type { ResolvedAgentOptions } from '../options/agent-options.js';
import type { MembershipEffect } from '../original/events.js';
import { ExternalHands } from '../original/external-hands.js';
import { OriginalSockets } from '../original/original-sockets.js';
import { OutboxFiles } from '../outbox/outbox-files.js';
import type { Effect } from '../supervisor/effect.js';
import type { SupervisorEvent } from '../supervisor/event.js';
import { Supervisor, type SupervisorView } from '../supervisor/supervisor.js';
import { type SupervisorConfig, supervisorConfig } from '../supervisor/supervisor-config.js';
import { AGENT_VERSION } from '../version.js';
import { WorkerHost } from '../worker-host/worker-host.js';
import { BrokerLink } from './broker-link.js';
import { BundleCache } from './bundle-cache.js';
import { type DataFolder, takeDataFolder } from './data-folder.js';
import { LoadMeter } from './load-meter.js';

const MEASURE_MS = 500;
/** The longest that a timer of Node can wait. */
const MAX_TIMER_MS = 2_147_483_647;

/** The supervisor with sockets, files, clocks and processes around it: tells it what happens, does what it says. */
export class AgentShell {
  readonly #options: ResolvedAgentOptions;
  readonly #log: Logger;
  readonly #folder: DataFolder;
  readonly #config: SupervisorConfig;
  readonly #bundles: BundleCache;
  readonly #link: BrokerLink;
  readonly #original: OriginalSockets;
  readonly #external: ExternalHands;
  readonly #meter = new LoadMeter();
  readonly #measuring: NodeJS.Timeout;
  readonly #left: Promise<void>;
  #supervisor: Supervisor | null = null;
  #outbox: OutboxFiles | null = null;
  #workers: WorkerHost[] = [];
  #waking: NodeJS.Timeout | undefined;
  #events: SupervisorEvent[] = [];
  #handling = false;
  #leave: () => void = () => undefined;

  /** Takes the data folder and starts to look for the broker. @throws MusterError `DATA_FOLDER_LOCKED`, `BAD_CONFIG`. */
  static async start(options: ResolvedAgentOptions, log: Logger): Promise<AgentShell> {
    const folder = await takeDataFolder(options.data, options.node);
    try {
      const shell = new AgentShell(options, log, folder);
      await shell.#begin();
      return shell;
    } catch (thrown) {
      await folder.release();
      throw thrown;
    }
  }

  private constructor(options: ResolvedAgentOptions, log: Logger, folder: DataFolder) {
    this.#options = options;
    this.#log = log;
    this.#folder = folder;
    this.#left = new Promise((resolve) => {
      this.#leave = resolve;
    });
    const { cores, workers, labels, token } = options;
    this.#config = supervisorConfig(
      {
        node: folder.node,
        boot: randomBytes(16).toString('hex'),
        version: AGENT_VERSION,
        hostname: hostname().slice(0, 256) || 'localhost',
        pid: process.pid,
        cores,
        workers,
        labels,
        memoryBytes: totalmem(),
        ...(token === null ? {} : { token }),
      },
      { ...options.limits, maxAgeMs: options.limits.maxAgeMs + Math.random() * options.maxAgeDeltaMs },
    );
    this.#bundles = new BundleCache(join(folder.path, 'bundles'));
    this.#link = new BrokerLink({
      frontend: options.broker,
      agent: this.#config.agent,
      insecure: options.insecure,
      onEvent: (event) => this.#handle(event),
      onFault: (fault) => log.warn({ why: fault.message }, 'dropped a message'),
    });
    const name = (): string => this.#supervisor?.name ?? this.#config.agent;
    this.#original = new OriginalSockets({
      identity: () => ({ agent: name(), hostname: this.#config.identity.hostname, pid: process.pid }),
      onExternal: (event) => this.#handle({ type: 'external', event }),
      onMembership: (event) => this.#handle({ type: 'membership', event }),
      onFault: (fault) => log.warn({ why: fault.message }, 'dropped a message'),
    });
    this.#external = new ExternalHands({
      data: folder.path,
      maxHeapMiB: options.maxHeapMiB,
      hangMs: options.hangMs,
      ladderMs: this.#config.ladderMs,
      log,
      agent: name,
      receiver: () => this.#original.receiver ?? this.#link.receiver,
      answer: (to, message) => {
        if ('native' in to) this.#link.send({ type: 'original.reply', id: to.native, message });
        else this.#original.answer(message, to.client);
      },
      onEvent: (event) => this.#handle({ type: 'external', event }),
    });
    this.#measuring = setInterval(() => void this.#measure(), MEASURE_MS);
  }

  async #begin(): Promise<void> {
    try {
      await this.#external.begin();
      const { files, saved } = await OutboxFiles.open({
        folder: join(this.#folder.path, 'outbox'),
        memoryBytes: this.#options.limits.memoryBytes,
        onEvent: (event) => this.#handle(event),
        push: (batch) => this.#link.push(batch),
        warn: (message) => this.#log.warn(message),
      });
      this.#outbox = files;
      this.#supervisor = new Supervisor(this.#config, { streams: saved });
      if (saved.length > 0) this.#log.info({ streams: saved.length }, 'results of an earlier start wait to be sent');
      this.#handle({ type: 'start' });
    } catch (thrown) {
      await this.#close();
      throw thrown;
    }
  }

  get agent(): AgentId {
    return this.#config.agent;
  }
  get node(): string {
    return this.#folder.node;
  }
  get view(): SupervisorView | null {
    return this.#supervisor?.view ?? null;
  }
  /** Resolves when the agent has left. */
  get left(): Promise<void> {
    return this.#left;
  }

  /** Ends the agent: gracefully the first time, at once the second. */
  quit(): void {
    this.#handle({ type: 'quit' });
  }

  /** One event after the other, also those that an effect brings about at once. */
  #handle(event: SupervisorEvent): void {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift())
        for (const effect of this.#supervisor?.handle(next, machineMs()) ?? []) this.#do(effect);
    } finally {
      this.#handling = false;
    }
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (effect.message.type !== 'beat') this.#log.debug({ type: effect.message.type }, 'says');
        this.#link.send(effect.message);
        return;
      case 'connect':
        void this.#link.connect();
        return;
      case 'probe':
        void this.#link.probe();
        return;
      case 'wake':
        this.#wake(effect.atMs);
        return;
      case 'bundle.find':
        void this.#bundle(effect.hash, () => this.#bundles.find(effect.hash));
        return;
      case 'bundle.store':
        void this.#bundle(effect.hash, () => this.#bundles.store(effect.hash, effect.chunks));
        return;
      case 'workers.start':
        this.#workers = effect.inits.map((init) => this.#startWorker(init));
        return;
      case 'worker.order':
        this.#workers[effect.worker]?.order(effect.order);
        return;
      case 'workers.grant':
        for (const worker of this.#workers) worker.grant(effect.generation, effect.until);
        return;
      case 'worker.signal':
        this.#workers[effect.worker]?.signal(effect.signal);
        return;
      case 'outbox.append':
        this.#outbox?.append(effect.header, effect.payload);
        return;
      case 'outbox.send':
        this.#outbox?.send(effect.stream, effect.number);
        return;
      case 'outbox.forget':
        this.#outbox?.forget(effect.stream, effect.upTo);
        return;
      case 'outbox.delete':
        this.#outbox?.delete(effect.stream);
        return;
      case 'external':
        this.#external.do(effect.effect);
        return;
      case 'membership':
        this.#membership(effect.effect);
        return;
      case 'released':
        this.#workers = [];
        this.#log.info({ run: effect.run }, 'free again');
        return;
      case 'log':
        this.#log[effect.level](effect.message);
        return;
      case 'exit':
        if (effect.leftBytes > 0)
          this.#log.warn({ bytes: effect.leftBytes }, 'results stay in the data folder until the agent starts again');
        void this.#close();
    }
  }

  #membership(effect: MembershipEffect): void {
    if (effect.type === 'join') this.#original.join(effect.place);
    else if (effect.type === 'register') this.#original.register();
    else this.#original.unregister();
  }

  #wake(atMs: number): void {
    clearTimeout(this.#waking);
    const inMs = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(atMs - machineMs())));
    this.#waking = setTimeout(() => this.#handle({ type: 'wake' }), inMs);
  }

  async #bundle(hash: BundleHash, get: () => Promise<string | null>): Promise<void> {
    try {
      const path = await get();
      this.#handle(path === null ? { type: 'bundle.missing', hash } : { type: 'bundle.found', hash, path });
    } catch (thrown) {
      const { code, message } = MusterError.from(thrown);
      this.#handle({ type: 'bundle.failed', hash, code, message });
    }
  }

  #startWorker(init: InitOrder): WorkerHost {
    const { worker } = init;
    const { maxHeapMiB, hangMs } = this.#options;
    const host = new WorkerHost({
      maxHeapMiB,
      // Buffers lie outside of the heap: as much again.
      maxRssBytes: maxHeapMiB * 2 * 1_048_576,
      hangMs,
      bundlePath: init.bundlePath,
      onNews: (news) => this.#handle({ type: 'worker.news', worker, news }),
      onExit: (exit) => this.#handle({ type: 'worker.exit', worker, exit }),
      onLine: (line) =>
        this.#handle({ type: 'worker.news', worker, news: { type: 'log', level: 'info', message: line } }),
    });
    host.order(init);
    return host;
  }

  async #measure(): Promise<void> {
    const pids = this.#workers.flatMap(({ pid, isAlive }) => (pid === undefined || !isAlive ? [] : [pid]));
    const load = await this.#meter.measure(pids);
    this.#handle({ type: 'load', ...load });
  }

  async #close(): Promise<void> {
    clearTimeout(this.#waking);
    clearInterval(this.#measuring);
    this.#meter.close();
    await this.#external.close();
    await this.#original.close();
    await this.#link.close();
    await this.#outbox?.close();
    await this.#folder.release();
    this.#leave();
  }
}
