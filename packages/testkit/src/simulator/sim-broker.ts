import type { ControllerConfig, ControllerEffect, ControllerEvent, RunRecord } from '@muster/broker/internal';
import type { AgentMessage, ClientMessage, RunId } from '@muster/protocol';
import type { ControllerCore } from './cores.js';
import { EffectLine } from './effect-line.js';
import type { Network } from './network.js';
import type { Random } from './random.js';
import { type AgentQuestion, unsavedIn } from './saved-before-said.js';
import { SimProcess } from './sim-process.js';
import { SimResults } from './sim-results.js';
import type { Batch } from './sim-store.js';
import type { BrokerPort, World } from './world.js';

type Plain = Exclude<ControllerEffect, { type: 'save' | 'delete' }>;

const SWEEP_MS = 100;
const PROGRESS_MS = 1_000;
/** Short where that changes nothing but how long a world takes. */
const CONFIG: Omit<ControllerConfig, 'boot'> = {
  version: '0.0.0',
  receiver: 'tcp://127.0.0.1:7783',
  prepareMs: 4_000,
  readyMs: 3_000,
  endingMs: 5_000,
  overdueMs: 5_000,
  figuresMs: 8_000,
};

/** One life of the broker's process: what is gone when it dies. */
interface Life {
  readonly controller: ControllerCore;
  readonly line: EffectLine<Plain>;
  readonly results: SimResults;
  /** Batches that the store has not committed. */
  appended: { readonly batches: readonly Batch[]; readonly done: () => void }[];
  committing: { readonly batches: readonly Batch[]; readonly done: () => void }[];
  /** Questions that agents asked, by agent and id. */
  readonly questions: Map<string, AgentQuestion>;
  readonly crossed: Map<string, string>;
}

/** The broker's process: the real controller and ledger, and around them a shell, a disk and sockets as models. */
export class SimBroker implements BrokerPort {
  readonly process: SimProcess;
  readonly #world: World;
  readonly #network: Network;
  readonly #random: Random;
  #life: Life | null = null;
  #fresh = 0;

  constructor(world: World, network: Network) {
    this.#world = world;
    this.#network = network;
    this.#random = world.random();
    this.process = new SimProcess(world.time, () => this.#died());
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }
  get isStill(): boolean {
    return this.process.isStill;
  }
  /** Runs that it has not brought to their end. */
  get runs(): readonly RunRecord[] {
    return this.#life?.controller.runs() ?? [];
  }

  start(): void {
    const world = this.#world;
    world.truth.note(() => 'broker starts');
    this.process.start();
    const life: Life = {
      controller: world.cores.controller(
        { ...CONFIG, boot: this.#random.hex(32) },
        Object.fromEntries(world.store.journal),
      ),
      line: this.#makeLine(),
      results: this.#makeResults(),
      appended: [],
      committing: [],
      questions: new Map(),
      crossed: new Map(),
    };
    this.#life = life;
    this.#do(life.line, life.controller.begin(this.#now()));
    this.#sweep();
    this.#progress();
  }

  #makeLine(): EffectLine<Plain> {
    const { time, schedule, store } = this.#world;
    return new EffectLine<Plain>(time, this.#random, this.process, {
      saveMs: () => schedule.saveMs + (this.#world.diskIsSlow ? 1_500 : 0),
      durable: ({ key, value }) => {
        if (value === undefined) store.journal.delete(key);
        else store.journal.set(key, value);
      },
      perform: (effect) => this.#perform(effect),
    });
  }

  #makeResults(): SimResults {
    const { store, cores, seconds } = this.#world;
    return new SimResults({
      store,
      ledger: (stored, closed) => cores.ledger(stored, closed),
      secondOf: (payload) => seconds.get(payload),
      commit: (batches, done) => this.#append(batches, done),
      ack: (agent, stream, upTo) => this.#network.toAgent(agent, { type: 'ack', stream, upTo }),
      resend: (agent, stream, from) => this.#network.toAgent(agent, { type: 'resend', stream, from }),
      tell: (event) => this.#handle(event),
    });
  }

  #died(): void {
    const world = this.#world;
    const life = this.#life;
    world.truth.note(() => 'broker dies');
    world.brokerDeaths.push(world.time.nowMs);
    life?.line.died();
    const under = life?.committing ?? [];
    for (const { batches } of under.slice(0, this.#random.whole(0, under.length)))
      for (const batch of batches) world.store.commit(batch);
    this.#life = null;
    this.#network.brokerDied();
  }

  #now(): { readonly nowMs: number; readonly wallMs: number } {
    return { nowMs: this.#world.brokerClock.nowMs, wallMs: 1_700_000_000_000 + Math.round(this.#world.time.nowMs) };
  }

  // What comes in

  hears(route: string, message: AgentMessage): void {
    this.process.now(() => {
      this.#world.truth.note(() => `broker hears ${route}: ${brief(message)}`);
      if (message.type === 'hello')
        this.#life?.results.holds(
          route,
          message.streams.map(({ stream }) => stream),
        );
      if ('id' in message && 'run' in message) this.#life?.questions.set(`${route} ${message.id}`, message);
      this.#handle({ type: 'agent', agent: route, message });
    });
  }

  takes(batch: Batch): void {
    this.process.now(() => {
      const { stream, number, kind } = batch.header;
      this.#world.truth.note(() => `broker takes ${stream.slice(0, 6)}… ${number} (${kind})`);
      this.#life?.results.take(batch);
    });
  }

  asked(client: string, message: ClientMessage): void {
    this.process.now(() => {
      this.#world.truth.note(() => `broker is asked by ${client}: ${brief(message)}`);
      if (message.type !== 'submit') {
        this.#handle({ type: 'client', client, message });
        return;
      }
      this.#fresh += 1;
      const run = `${this.#fresh.toString(16).padStart(8, '0')}-0000-7000-8000-${this.#random.hex(12)}` as RunId;
      const fresh = { run, seed: this.#random.whole(0, 1_000_000), bundleSize: 1_000 };
      this.#handle({ type: 'client', client, message, fresh });
    });
  }

  #sweep(): void {
    this.process.after(SWEEP_MS, () => {
      this.#handle({ type: 'sweep' });
      this.#sweep();
    });
  }

  #progress(): void {
    this.process.after(PROGRESS_MS, () => {
      for (const { id, name, state, startAtMs, options } of [...(this.#life?.results.records ?? [])]) {
        if (startAtMs === null || options === null || (state !== 'running' && state !== 'stopping')) continue;
        const progress = {
          run: id,
          atMs: Math.max(0, this.#world.brokerClock.nowMs - startAtMs),
          plannedMs: null,
          requests: { count: 0, failed: 0, rate: 0, failedRate: 0 },
          latency: { second: null, total: null },
          iterations: { count: 0, rate: 0, dropped: 0, failed: 0 },
          checks: { passes: 0, fails: 0 },
          scenarios: [],
          thresholds: [],
        };
        this.#handle({ type: 'progress', run: id, progress });
        this.#cross(id, name, progress.atMs);
      }
      this.#progress();
    });
  }

  #cross(run: RunId, name: string, atMs: number): void {
    const { crossesAtMs } = this.#world.wishOf(name);
    if (crossesAtMs === null || atMs < crossesAtMs || this.#life?.crossed.has(run) !== false) return;
    const text = 'threshold http_req_failed rate<0.1 failed: 1';
    this.#life.crossed.set(run, text);
    this.#handle({ type: 'threshold.crossed', run, text });
  }

  // What the controller wants

  #handle(event: ControllerEvent): void {
    const life = this.#life;
    if (life === null) return;
    this.#do(life.line, life.controller.handle(event, this.#now()));
  }

  #do(line: EffectLine<Plain>, effects: readonly ControllerEffect[]): void {
    const { life } = this.process;
    for (const effect of effects) {
      if (!this.process.burn(life)) return;
      if (effect.type === 'save') line.save({ key: effect.key, value: effect.value });
      else if (effect.type === 'delete') line.save({ key: effect.key, value: undefined });
      else {
        if (effect.type === 'send' && effect.message.type === 'beat' && effect.message.grant !== null)
          this.#world.truth.granted(effect.agent, effect.message.grant);
        line.push(effect);
      }
    }
  }

  #perform(effect: Plain): void {
    const { truth, store } = this.#world;
    const life = this.#life;
    if (life === null) return;
    const unsaved = unsavedIn(
      effect,
      { journal: store.journal, isConcluded: (run) => (store.runs.get(run) ?? null) !== null },
      (agent, id) => life.questions.get(`${agent} ${id}`),
    );
    if (unsaved !== null) truth.fail('saved', `a ${brief(effect)} left, and what is not saved is: ${unsaved}`);
    switch (effect.type) {
      case 'send':
        truth.note(() => `broker says to ${effect.agent}: ${brief(effect.message)}`);
        this.#network.toAgent(effect.agent, effect.message);
        return;
      case 'answer':
        this.#network.answer(effect.client, effect.id, { result: effect.result });
        return;
      case 'refuse':
        this.#network.answer(effect.client, effect.id, { code: effect.error.code });
        return;
      case 'look-up':
        this.#later(() => this.#network.answer(effect.client, effect.message.id, { result: effect.live }));
        return;
      case 'piece':
        this.#network.toAgent(effect.agent, {
          type: 'reply',
          id: effect.id,
          result: { size: 1_000, data: new Uint8Array(1_000) },
        });
        return;
      case 'publish':
        truth.note(() => `broker publishes ${JSON.stringify(effect.event).slice(0, 160)}`);
        return;
      case 'catalogue':
        if (!store.runs.has(effect.info.id)) store.runs.set(effect.info.id, null);
        if (effect.info.verdict !== null)
          truth.ended(effect.info.id, effect.info.verdict, effect.info.exitCode, effect.info.reason);
        return;
      case 'open':
      case 'facts':
        life.results.open(effect.run);
        return;
      case 'count':
        this.#later(() => {
          const counted = life.results.count(effect.run, life.crossed.get(effect.run.id) ?? null);
          this.#handle({ type: 'counted', run: effect.run.id, counted });
        });
        return;
      case 'summarise':
        this.#later(() => {
          const { id, verdict, exitCode, reason } = effect.run;
          truth.ended(id, verdict, exitCode, reason);
          store.summaries.add(id);
          this.#handle({ type: 'summarised', run: id, summary: { run: id } });
        });
        return;
      case 'conclude':
        this.#later(() => {
          const { id, verdict, exitCode, reason } = effect.run;
          truth.ended(id, verdict, exitCode, reason);
          store.runs.set(id, effect.run);
          this.#handle({ type: 'concluded', run: id });
        });
        return;
      case 'log':
        return;
    }
  }

  /** The store answers after a while. */
  #later(act: () => void): void {
    this.process.after(this.#storeMs(), act);
  }
  #storeMs(): number {
    const { schedule, diskIsSlow } = this.#world;
    return 0.05 + this.#random.unit() * (schedule.storeMs + (diskIsSlow ? 2_000 : 0));
  }

  #append(batches: readonly Batch[], done: () => void): void {
    const life = this.#life;
    if (life === null) return;
    life.appended.push({ batches, done });
    if (life.committing.length === 0) this.#commit(life);
  }

  #commit(life: Life): void {
    life.committing = life.appended;
    life.appended = [];
    this.process.after(this.#storeMs(), () => {
      const committed = life.committing;
      life.committing = [];
      for (const { batches } of committed) for (const batch of batches) this.#world.store.commit(batch);
      for (const { done } of committed) done();
      if (life.appended.length > 0 && life.committing.length === 0) this.#commit(life);
    });
  }
}

/** A message in a line, for the trace. */
export const brief = (message: object): string => JSON.stringify(message).slice(0, 200);
