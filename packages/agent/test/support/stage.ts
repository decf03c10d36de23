import {
  type Effect,
  type Saved,
  Supervisor,
  type SupervisorEvent,
  type SupervisorLimits,
  supervisorConfig,
  type WorkerExit,
} from '@muster/agent';
import type { WorkerNews, WorkerOrder } from '@muster/engine';
import {
  type AgentMessage,
  agentId,
  type BatchHeader,
  type BrokerMessage,
  type BundleHash,
  type RunId,
  type StreamId,
  streamId,
} from '@muster/protocol';

export const BOOT = 'a'.repeat(32);
export const AGENT = agentId('node-1', BOOT);
export const RUN = '01900000-0000-7000-8000-000000000001' as RunId;
export const OTHER_RUN = '01900000-0000-7000-8000-000000000002' as RunId;
export const STREAM = streamId(BOOT, RUN);
export const BUNDLE = `sha256:${'0'.repeat(64)}` as BundleHash;
export const BROKER_BOOT = 'b'.repeat(32);

export const exitOf = (reason: WorkerExit['reason'], more: Partial<WorkerExit> = {}): WorkerExit => ({
  reason,
  code: 0,
  signal: null,
  where: null,
  message: `a worker came to its end: ${reason}`,
  ...more,
});

export interface StageOptions {
  readonly workers?: number;
  readonly functions?: readonly string[];
  readonly limits?: Partial<SupervisorLimits>;
  readonly saved?: Saved;
  /** Broker's clock minus the agent's. */
  readonly offsetMs?: number;
  /** The bundle is in the cache. @default true */
  readonly cached?: boolean;
}

type Sent<T extends AgentMessage['type']> = Extract<AgentMessage, { readonly type: T }>;
export type Batch = { readonly header: BatchHeader; readonly payload: Uint8Array };

/**
 * A supervisor in virtual time, with a disk that writes at once and workers that obey at once. What a test wants to play
 * itself it switches off.
 */
export class Stage {
  readonly supervisor: Supervisor;
  readonly effects: Effect[] = [];
  readonly orders: { readonly worker: number; readonly order: WorkerOrder }[] = [];
  readonly kept = new Map<StreamId, Batch[]>();
  readonly pushed: Batch[] = [];
  /** Answers beats like a broker; null: silent. */
  broker: { boot: string; offsetMs: number; grant: Extract<BrokerMessage, { type: 'beat' }>['grant'] } | null;
  /** Whether workers answer orders by themselves. */
  obedient = true;
  /** Whether workers end when they are told to. */
  mortal = true;
  /** Whether the disk writes. */
  writes = true;
  nowMs = 1_000;
  #wakeMs = Number.POSITIVE_INFINITY;
  readonly #options: Required<Omit<StageOptions, 'saved' | 'limits'>>;
  readonly #queue: SupervisorEvent[] = [];
  #busy = false;
  #alive: boolean[] = [];

  constructor(options: StageOptions = {}) {
    this.#options = { workers: 2, functions: ['default'], offsetMs: 5_000, cached: true, ...options };
    this.broker = { boot: BROKER_BOOT, offsetMs: this.#options.offsetMs, grant: null };
    this.supervisor = new Supervisor(
      supervisorConfig(
        {
          node: 'node-1',
          boot: BOOT,
          version: '0.1.0',
          hostname: 'host',
          pid: 1,
          cores: 2,
          workers: this.#options.workers,
          labels: {},
          memoryBytes: 1e9,
        },
        options.limits,
      ),
      options.saved,
    );
  }

  get aliveWorkers(): number {
    return this.#alive.filter(Boolean).length;
  }
  get view() {
    return this.supervisor.view;
  }

  /** Something happens now. */
  event(event: SupervisorEvent): this {
    this.#queue.push(event);
    if (this.#busy) return this;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const effect of this.supervisor.handle(next, this.nowMs)) {
        this.effects.push(effect);
        this.#perform(effect);
      }
    }
    this.#busy = false;
    return this;
  }

  /** The broker says something. */
  say(message: BrokerMessage): this {
    return this.event({ type: 'message', message });
  }
  news(worker: number, news: WorkerNews): this {
    return this.event({ type: 'worker.news', worker, news });
  }
  exit(worker: number, exit: WorkerExit): this {
    this.#alive[worker] = false;
    return this.event({ type: 'worker.exit', worker, exit });
  }

  /** Lets time pass, waking the supervisor when it asked for it. */
  advance(ms: number): this {
    const endMs = this.nowMs + ms;
    while (this.#wakeMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.#wakeMs);
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.event({ type: 'wake' });
    }
    this.nowMs = endMs;
    return this;
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'wake':
        this.#wakeMs = effect.atMs;
        return;
      case 'send':
        this.#answer(effect.message);
        return;
      case 'bundle.find':
        this.event(
          this.#options.cached
            ? { type: 'bundle.found', hash: effect.hash, path: '/bundles/test.mjs' }
            : { type: 'bundle.missing', hash: effect.hash },
        );
        return;
      case 'bundle.store':
        this.event({ type: 'bundle.found', hash: effect.hash, path: '/bundles/test.mjs' });
        return;
      case 'workers.start':
        this.#alive = effect.inits.map(() => true);
        for (const init of effect.inits) this.#obey(init.worker, init);
        return;
      case 'worker.order':
        this.orders.push({ worker: effect.worker, order: effect.order });
        this.#obey(effect.worker, effect.order);
        return;
      case 'worker.signal':
        if (effect.signal === 'SIGKILL') this.exit(effect.worker, exitOf('signal', { signal: 'SIGKILL', code: null }));
        return;
      case 'outbox.append': {
        const { stream } = effect.header;
        this.kept.set(stream, [...(this.kept.get(stream) ?? []), effect]);
        if (this.writes) this.event({ type: 'outbox.written', stream, upTo: effect.header.number });
        return;
      }
      case 'outbox.send': {
        const batch = this.kept.get(effect.stream)?.find(({ header }) => header.number === effect.number);
        if (batch !== undefined) this.pushed.push(batch);
        return;
      }
    }
  }

  #answer(message: AgentMessage): void {
    const { broker } = this;
    if (broker === null) return;
    if (message.type === 'hello') this.welcome(broker.boot);
    if (message.type === 'beat') {
      const atMs = this.nowMs + broker.offsetMs;
      this.say({
        type: 'beat',
        seq: message.seq,
        sentMs: message.sentMs,
        receivedMs: atMs,
        answeredMs: atMs,
        grant: broker.grant,
      });
    }
  }

  welcome(boot = BROKER_BOOT): this {
    return this.say({
      type: 'welcome',
      boot,
      version: '0.1.0',
      protocol: 1,
      agent: AGENT,
      receiver: 'tcp://127.0.0.1:1',
      beatMs: 500,
      leaseMs: 1_500,
      lostMs: 2_000,
    });
  }

  #obey(worker: number, order: WorkerOrder): void {
    if (order.type === 'end' && this.mortal && this.#alive[worker] === true) this.exit(worker, exitOf('asked'));
    if (!this.obedient) return;
    if (order.type === 'init') this.news(worker, loaded(this.#options.functions));
    if (order.type === 'data') this.news(worker, { type: 'ready' });
  }

  /** Every message of a type that was sent, in order. */
  sent<T extends AgentMessage['type']>(type: T): Sent<T>[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'send' && effect.message.type === type ? [effect.message as Sent<T>] : [],
    );
  }
  last<T extends AgentMessage['type']>(type: T): Sent<T> {
    const message = this.sent(type).at(-1);
    if (message === undefined) throw new Error(`no ${type} was sent`);
    return message;
  }
  done<T extends Effect['type']>(type: T): Extract<Effect, { readonly type: T }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { readonly type: T }> => effect.type === type);
  }
  ordered<T extends WorkerOrder['type']>(type: T): { readonly worker: number; readonly order: WorkerOrder }[] {
    return this.orders.filter(({ order }) => order.type === type);
  }
  forgetEffects(): this {
    this.effects.length = 0;
    this.orders.length = 0;
    return this;
  }

  /** Answers the newest question of a type. */
  reply(type: 'once.get' | 'once.put' | 'claim' | 'barrier.arrive' | 'bundle.get', result: unknown): this {
    return this.say({ type: 'reply', id: this.last(type).id, result });
  }

  // The stages of a run

  signedOn(): this {
    return this.event({ type: 'start' }).event({ type: 'link.up' });
  }
  prepare(run = RUN, more: Partial<Extract<BrokerMessage, { type: 'prepare' }>> = {}): this {
    return this.say({
      type: 'prepare',
      run,
      name: 'test.ts',
      bundle: { hash: BUNDLE, size: 10 },
      env: {},
      seed: 1,
      raw: 'thinned',
      orphan: { mode: 'continue', leaseMs: 60_000 },
      ...more,
    });
  }
  plan(generation: number, more: Partial<Extract<BrokerMessage, { type: 'plan' }>> = {}): this {
    return this.say({
      type: 'plan',
      run: RUN,
      generation,
      fromMs: 0,
      startAtMs: generation === 0 ? null : this.nowMs + this.#options.offsetMs,
      members: [AGENT],
      ...(generation === 0 ? { options: { scenarios: [{ gracefulStopMs: 30_000 }] } } : {}),
      ...more,
    });
  }
  prepared(more: Partial<Extract<BrokerMessage, { type: 'prepare' }>> = {}): this {
    return this.signedOn().prepare(RUN, more);
  }
  ready(): this {
    return this.prepared().plan(0);
  }
  running(more: Partial<Extract<BrokerMessage, { type: 'prepare' }>> = {}): this {
    this.prepared(more).plan(0).plan(1);
    this.grant(1);
    return this;
  }
  /** The broker answers a beat with a grant. */
  grant(generation: number, untilMs = this.nowMs + this.#options.offsetMs + 1_500): this {
    const atMs = this.nowMs + this.#options.offsetMs;
    const grant = { run: RUN, generation, untilMs };
    return this.say({ type: 'beat', seq: 0, sentMs: this.nowMs, receivedMs: atMs, answeredMs: atMs, grant });
  }
  window(worker: number, second: number, samples?: Uint8Array): this {
    return this.news(worker, {
      type: 'window',
      second,
      sealedToMs: (second + 1) * 1_000,
      window: new Uint8Array([worker, second]),
      ...(samples === undefined ? {} : { samples }),
    });
  }
  finished(): this {
    this.running();
    for (let worker = 0; worker < this.#options.workers; worker += 1)
      this.news(worker, { type: 'done', outcome: 'done' });
    return this;
  }
}

export const loaded = (functions: readonly string[] = ['default']): WorkerNews => ({
  type: 'loaded',
  options: { vus: 1 },
  functions,
  metrics: [],
});
