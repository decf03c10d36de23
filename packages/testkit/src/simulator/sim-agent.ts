import { type Effect, type SupervisorEvent, supervisorConfig, type WorkerExit } from '@muster/agent';
import { type AgentId, agentId, type BrokerMessage, type BundleHash } from '@muster/protocol';
import type { SupervisorCore } from './cores.js';
import type { Network, SimLink } from './network.js';
import type { Random } from './random.js';
import type { AgentShape } from './schedule.js';
import { brief } from './sim-broker.js';
import { SimOutbox } from './sim-outbox.js';
import { SimProcess } from './sim-process.js';
import { SimWorker } from './sim-worker.js';
import { MachineClock } from './virtual-time.js';
import type { AgentPort, BrokerPort, World } from './world.js';

/** Short where that changes nothing but how long a world takes. */
const LIMITS = { resendMs: 1_500, ladderMs: 1_000, repeatMs: 1_000, flushMs: 2_000 };
/** An ask that is not answered is given up. */
const ASK_MS = 1_000;

/** One life of an agent's process: what is gone when it dies. */
interface Life {
  readonly supervisor: SupervisorCore;
  readonly port: AgentPort;
  link: SimLink | null;
  attempt: number;
  workers: readonly SimWorker[];
  run: string | null;
  wakes: number;
  events: SupervisorEvent[];
  handling: boolean;
}

/** A machine with an agent: the real supervisor, and around it a shell, a data folder and workers as models. */
export class SimAgent {
  readonly process: SimProcess;
  readonly clock: MachineClock;
  readonly #world: World;
  readonly #network: Network;
  readonly #broker: BrokerPort;
  readonly #random: Random;
  readonly #shape: AgentShape;
  readonly #node: string;
  readonly #outbox: SimOutbox;
  #life: Life | null = null;
  #cutUntilMs = 0;
  hasLeft = false;

  constructor(world: World, network: Network, broker: BrokerPort, place: number, shape: AgentShape) {
    this.#world = world;
    this.#network = network;
    this.#broker = broker;
    this.#random = world.random();
    this.#shape = shape;
    this.#node = `node-${place}`;
    this.clock = new MachineClock(world.time, shape.clockOffsetMs, shape.drift);
    this.process = new SimProcess(world.time, () => this.#died());
    this.#outbox = new SimOutbox(this.#random, this.process, {
      writeMs: () => 0.05 + this.#random.unit() * (world.schedule.saveMs + (world.diskIsSlow ? 1_000 : 0)),
      written: (stream, upTo) => this.#handle({ type: 'outbox.written', stream, upTo }),
    });
  }

  /** Nothing is left of its work and nothing to be sent. */
  get isQuiet(): boolean {
    return this.#outbox.isEmpty && (this.#life?.run ?? null) === null;
  }
  get outbox(): SimOutbox {
    return this.#outbox;
  }

  start(): void {
    if (this.process.isAlive) return;
    const boot = this.#random.hex(32);
    const id = agentId(this.#node, boot);
    const { workers } = this.#shape;
    const identity = {
      node: this.#node,
      boot,
      version: '0.0.0',
      hostname: 'simulated',
      pid: 1,
      cores: 2,
      workers,
      labels: {},
      memoryBytes: 1e9,
    };
    this.process.start();
    this.#world.truth.note(() => `${id} starts`);
    this.#life = {
      supervisor: this.#world.cores.supervisor(supervisorConfig(identity, LIMITS), this.#outbox.saved()),
      port: { id, hears: (message) => this.#hears(id, message), dropped: () => this.#dropped() },
      link: null,
      attempt: 0,
      workers: [],
      run: null,
      wakes: 0,
      events: [],
      handling: false,
    };
    this.#handle({ type: 'start' });
  }

  #died(): void {
    const life = this.#life;
    this.#world.truth.note(() => `${life?.port.id} dies`);
    this.#outbox.died();
    this.#life = null;
    if (life === null) return;
    if (life.link !== null) this.#network.close(life.link);
    // A watchdog ends its worker when the pipe to the supervisor closes.
    for (const worker of life.workers) worker.process.after(this.#random.between(0, 20), () => worker.process.kill());
  }

  // What goes wrong

  quit(): void {
    this.process.now(() => this.#handle({ type: 'quit' }));
  }
  freeze(withWorkers: boolean): void {
    this.process.freeze();
    if (withWorkers) for (const worker of this.#life?.workers ?? []) worker.process.freeze();
  }
  thaw(): void {
    for (const worker of this.#life?.workers ?? []) worker.process.thaw();
    this.process.thaw();
  }
  blockWorker(forMs: number): void {
    this.#anyWorker()?.block(forMs);
  }
  killWorker(): void {
    this.#anyWorker()?.die({
      reason: 'signal',
      code: null,
      signal: 'SIGSEGV',
      where: null,
      message: 'it was ended by SIGSEGV',
    });
  }
  #anyWorker(): SimWorker | undefined {
    const alive = (this.#life?.workers ?? []).filter((worker) => worker.isAlive);
    return alive[this.#random.whole(0, Math.max(0, alive.length - 1))];
  }
  cut(untilMs: number, breaks: boolean): void {
    this.#cutUntilMs = untilMs;
    const link = this.#life?.link ?? null;
    if (breaks) link?.break();
    link?.holdUntil(untilMs);
    if (breaks) this.#dropped();
  }
  /** The transport notices that its connection is gone. */
  #dropped(): void {
    this.process.after(this.#random.between(0, 50), () => this.#handle({ type: 'link.dropped' }));
  }

  // What happens to the supervisor

  #hears(id: AgentId, message: BrokerMessage): void {
    this.process.now(() => {
      if (this.#life?.port.id !== id) return;
      this.#world.truth.note(() => `${id} hears ${brief(message)}`);
      this.#handle({ type: 'message', message });
    });
  }

  /** One event after the other, also those that an effect brings about at once. */
  #handle(event: SupervisorEvent): void {
    const life = this.#life;
    if (life === null) return;
    life.events.push(event);
    if (life.handling) return;
    life.handling = true;
    const { life: number } = this.process;
    for (let next = life.events.shift(); next !== undefined; next = life.events.shift()) {
      for (const effect of life.supervisor.handle(next, this.clock.nowMs)) {
        if (!this.process.burn(number)) return;
        this.#do(life, effect);
      }
    }
    life.handling = false;
  }

  #do(life: Life, effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (life.link === null) return;
        this.#world.truth.note(() => `${life.port.id} says ${brief(effect.message)}`);
        this.#network.toBroker(life.link, effect.message);
        return;
      case 'connect':
        this.#connect(life);
        return;
      case 'probe':
        this.process.after(this.#random.between(0.5, 5), () => {
          if (!this.#broker.isAlive && !this.#isCut) this.#handle({ type: 'link.refused' });
        });
        return;
      case 'wake':
        this.#wake(life, effect.atMs);
        return;
      case 'bundle.find':
        this.#findBundle(effect.hash);
        return;
      case 'bundle.store':
        this.#foundBundle(effect.hash);
        return;
      case 'workers.start':
        this.#startWorkers(life, effect);
        return;
      case 'worker.order': {
        const { worker, order } = effect;
        const told = life.workers[worker];
        this.#soon(() => told?.order(order));
        return;
      }
      case 'workers.grant': {
        const { generation, until } = effect;
        for (const worker of life.workers) this.#soon(() => worker.grant(generation, until));
        return;
      }
      case 'worker.signal':
        life.workers[effect.worker]?.signal(effect.signal);
        return;
      case 'outbox.append':
        this.#outbox.append({ header: effect.header, payload: effect.payload });
        return;
      case 'outbox.send': {
        const batch = this.#outbox.batch(effect.stream, effect.number);
        if (batch !== undefined && life.link !== null) this.#network.pushResults(life.link, batch);
        return;
      }
      case 'outbox.forget':
        this.#outbox.forget(effect.stream, effect.upTo);
        return;
      case 'outbox.delete':
        this.#outbox.delete(effect.stream);
        return;
      case 'released':
        life.workers = [];
        life.run = null;
        return;
      case 'log':
        this.#world.truth.note(() => `${life.port.id} logs: ${effect.message}`);
        return;
      case 'exit':
        this.hasLeft = true;
        this.process.kill();
    }
  }

  /** To another process of the same machine, in order. */
  #soon(act: () => void): void {
    this.#world.time.after(0.1, act);
  }

  get #isCut(): boolean {
    return this.#world.time.nowMs < this.#cutUntilMs;
  }

  #connect(life: Life): void {
    life.attempt += 1;
    const { attempt } = life;
    const after = (ms: number, act: () => void): void =>
      this.process.after(ms, () => {
        if (life.attempt === attempt) act();
      });
    after(this.#random.between(1, 60), () => {
      if (!this.#isCut && !this.#broker.isAlive) this.#handle({ type: 'link.refused' });
      else if (this.#isCut || this.#broker.isStill)
        after(ASK_MS, () => this.#handle({ type: 'link.silent', why: 'no answer' }));
      else this.#open(life);
    });
  }

  #open(life: Life): void {
    if (life.link !== null) this.#network.close(life.link);
    life.link = this.#network.open(life.port, this.#shape.toBroker, this.#shape.toAgent);
    this.#handle({ type: 'link.up' });
  }

  #wake(life: Life, atMs: number): void {
    life.wakes += 1;
    const { wakes } = life;
    // A timer comes late, if anything.
    this.process.at(this.clock.whenShows(atMs) + this.#random.unit(), () => {
      if (life.wakes === wakes) this.#handle({ type: 'wake' });
    });
  }

  #findBundle(hash: BundleHash): void {
    this.process.after(this.#random.between(0, 5), () => {
      if (this.#random.chance(0.5)) this.#handle({ type: 'bundle.missing', hash });
      else this.#handle({ type: 'bundle.found', hash, path: '/bundle.mjs' });
    });
  }
  #foundBundle(hash: BundleHash): void {
    this.process.after(this.#random.between(0, 5), () => this.#handle({ type: 'bundle.found', hash, path: '/b.mjs' }));
  }

  #startWorkers(life: Life, { inits }: Extract<Effect, { type: 'workers.start' }>): void {
    const { truth } = this.#world;
    const run = inits[0]?.run ?? '';
    if (life.workers.some((worker) => worker.isAlive))
      truth.fail('right', `${life.port.id} starts workers for run ${run} while others work for run ${life.run}`);
    life.run = run;
    life.workers = inits.map(
      (init): SimWorker =>
        new SimWorker(this.#world, this.#random, init, {
          now: () => this.clock.nowMs,
          whenShows: (ownMs) => this.clock.whenShows(ownMs),
          news: (news) => this.#later(life, { type: 'worker.news', worker: init.worker, news }),
          exited: (exit: WorkerExit) => this.#later(life, { type: 'worker.exit', worker: init.worker, exit }),
          started: (slot, generation) =>
            truth.started({
              run,
              agent: life.port.id,
              worker: init.worker,
              slot,
              generation,
              brokerMs: this.#world.brokerClock.nowMs,
              orphaned: this.#isOrphaned(run),
            }),
        }),
    );
  }

  /** What a worker says arrives in order, after a moment. */
  #later(life: Life, event: SupervisorEvent): void {
    this.#soon(() =>
      this.process.now(() => {
        if (this.#life === life) this.#handle(event);
      }),
    );
  }

  /** The broker has died, and the run lets its agents go on for a while then. */
  #isOrphaned(run: string): boolean {
    const { time, brokerDeaths } = this.#world;
    const leaseMs = this.#world.orphanMsOf(run);
    return brokerDeaths.some((atMs) => time.nowMs <= atMs + leaseMs + 5);
  }
}
