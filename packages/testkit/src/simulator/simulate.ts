import type { RunRecord } from '@muster/broker/internal';
import { isArrival, scheduleOf, shareOf } from '@muster/plan';
import { type Cores, REAL_CORES } from './cores.js';
import { Network } from './network.js';
import { drawSchedule, type Schedule, TROUBLE_ENDS_MS, type Trouble } from './schedule.js';
import { SimAgent } from './sim-agent.js';
import { SimBroker } from './sim-broker.js';
import { SimClient } from './sim-client.js';
import type { SimProcess } from './sim-process.js';
import { report } from './sim-results.js';
import { Truth, type Violation } from './truth.js';
import { VirtualTime } from './virtual-time.js';
import { World } from './world.js';

/** Whatever was accepted has ended by then, and whatever was sealed has arrived. */
const HORIZON_MS = 120_000;
const LOOK_FOR_DEATH_MS = 20;
/** A look at whether all is over. */
const LOOK_MS = 500;

/** How a simulated world went. */
export interface Outcome {
  readonly schedule: Schedule;
  readonly violation: Violation | null;
  readonly steps: number;
  readonly virtualMs: number;
  /** How runs ended, for a view on what the schedules reach. */
  readonly ends: readonly string[];
  readonly trace: readonly string[];
}

export interface SimulateOptions {
  readonly cores?: Cores;
  /** Keeps a line for whatever happens. */
  readonly trace?: boolean;
}

/** One world, from its beginning until everything in it has come to rest. */
export const simulate = (given: number | Schedule, options: SimulateOptions = {}): Outcome => {
  const schedule = typeof given === 'number' ? drawSchedule(given) : given;
  return new Simulation(schedule, options).run();
};

class Simulation {
  readonly #schedule: Schedule;
  readonly #time = new VirtualTime();
  readonly #truth: Truth;
  readonly #world: World;
  readonly #broker: SimBroker;
  readonly #agents: readonly SimAgent[];
  readonly #clients: readonly SimClient[];

  constructor(schedule: Schedule, { cores = REAL_CORES, trace = false }: SimulateOptions) {
    this.#schedule = schedule;
    this.#truth = new Truth(this.#time, trace);
    this.#world = new World(this.#time, this.#truth, schedule, cores);
    const network: Network = new Network(this.#world, () => this.#broker);
    this.#broker = new SimBroker(this.#world, network);
    this.#agents = schedule.agents.map(
      (shape, place) => new SimAgent(this.#world, network, this.#broker, place, shape),
    );
    this.#clients = schedule.wishes.map((wish, place) => new SimClient(this.#world, network, place, wish));
    this.#broker.start();
    const random = this.#world.random();
    for (const agent of this.#agents) this.#time.after(random.between(0, 200), () => agent.start());
    for (const trouble of schedule.troubles) this.#time.at(trouble.atMs, () => this.#happens(trouble, network));
  }

  #happens(trouble: Trouble, network: Network): void {
    this.#truth.note(() => `trouble: ${JSON.stringify(trouble)}`);
    if (trouble.kind === 'disk is slow') return;
    if (trouble.kind === 'broker dies') {
      this.#broker.process.light(trouble.effects);
      this.#whenDead(this.#broker.process, trouble.backAfterMs, () => {
        this.#broker.start();
        network.brokerIsBack();
      });
      return;
    }
    if (trouble.kind === 'broker stands still') {
      this.#broker.process.freeze();
      this.#time.after(trouble.forMs, () => this.#broker.process.thaw());
      return;
    }
    const agent = this.#agents[trouble.agent];
    if (agent === undefined) return;
    switch (trouble.kind) {
      case 'agent dies':
        agent.process.light(trouble.effects);
        if (trouble.backAfterMs !== null) this.#whenDead(agent.process, trouble.backAfterMs, () => agent.start());
        return;
      case 'agent stands still':
        agent.freeze(trouble.withWorkers);
        this.#time.after(trouble.forMs, () => agent.thaw());
        return;
      case 'worker blocks':
        agent.blockWorker(trouble.forMs);
        return;
      case 'worker dies':
        agent.killWorker();
        return;
      case 'link is cut':
        agent.cut(this.#time.nowMs + trouble.forMs, trouble.breaks);
        return;
      case 'agent is told to quit':
        agent.quit();
    }
  }

  /** Starts a process again, a while after it has died. One that has done too little to die by the end of troubles lives. */
  #whenDead(process: SimProcess, afterMs: number, start: () => void): void {
    const { life } = process;
    const look = (): void => {
      if (process.life !== life)
        this.#time.after(afterMs, () => {
          if (!process.isAlive) start();
        });
      else if (this.#time.nowMs < TROUBLE_ENDS_MS) this.#time.after(LOOK_FOR_DEATH_MS, look);
      else process.light(null);
    };
    if (process.isAlive) look();
  }

  run(): Outcome {
    let lookMs = TROUBLE_ENDS_MS;
    while (this.#truth.violation === null && this.#time.nowMs < HORIZON_MS && this.#time.step()) {
      if (this.#time.nowMs < lookMs) continue;
      lookMs = this.#time.nowMs + LOOK_MS;
      if (this.#isAtRest) break;
    }
    if (this.#truth.violation === null) this.#lookBack();
    return {
      schedule: this.#schedule,
      violation: this.#truth.violation,
      steps: this.#time.steps,
      virtualMs: this.#time.nowMs,
      ends: [...this.#world.store.runs.values()].map((record) => `${record?.verdict} ${record?.exitCode}`),
      trace: this.#truth.trace,
    };
  }

  get #isAtRest(): boolean {
    return (
      this.#broker.isAlive &&
      this.#broker.runs.length === 0 &&
      this.#clients.every((client) => client.isDone) &&
      this.#agents.every((agent) => !agent.process.isAlive || agent.isQuiet)
    );
  }

  /** Everything is over: every run has its end, and whatever is missing has its name. */
  #lookBack(): void {
    const { store } = this.#world;
    for (const { id, state } of this.#broker.runs) this.#truth.fail('ends', `run ${id} is still ${state}`);
    for (const { run } of this.#clients)
      if (run !== null && (store.runs.get(run) ?? null) === null) this.#truth.fail('ends', `run ${run} has no end`);
    for (const agent of this.#agents) {
      if (!agent.process.isAlive) continue;
      for (const { header } of agent.outbox.kept())
        if (header.number > store.highWater(header.stream))
          this.#truth.fail('batches', `batch ${header.number} of ${header.stream} never arrived`);
    }
    for (const record of store.runs.values()) if (record !== null) this.#lookAtReport(record);
  }

  #lookAtReport(record: RunRecord): void {
    const { store, seconds } = this.#world;
    const { accounts, coverage } = report(record, store, (payload) => seconds.get(payload));
    for (const { id, workers } of record.members) {
      for (let worker = 0; worker < workers; worker += 1) {
        const really = this.#truth.startedBy(record.id, id, worker);
        const told = accounts.of(id, worker).started.get('load') ?? 0;
        const named = coverage.gaps.some((gap) => gap.agent === id && gap.worker === worker);
        if (told > really || (told < really && !named))
          this.#truth.fail('batches', `${id}/${worker} started ${really}, the report says ${told} and names no gap`);
      }
    }
    this.#lookAtOwners(record);
    for (const { planned, started, dropped, unknown } of Object.values(coverage.slots ?? {})) {
      const all = started + unknown + Object.values(dropped).reduce((sum, count) => sum + count, 0);
      if (all !== planned)
        this.#truth.fail(
          'batches',
          `${planned} slots were planned, and ${all} are accounted for: ${JSON.stringify(coverage.slots)}`,
        );
    }
  }

  /** Every slot that was started was its starter's by the plan in force at its intended start. */
  #lookAtOwners({ id, options, plans, members }: RunRecord): void {
    const scenario = options?.scenarios.find(isArrival);
    if (scenario === undefined) return;
    const slots = scheduleOf(scenario);
    for (const { agent, worker, slot, generation } of this.#truth.startsOf(id)) {
      const dueMs = slots.dueUs(slot) / 1_000;
      const plan = plans.findLast((each) => each.generation > 0 && each.fromMs <= dueMs);
      const workers = members.find((member) => member.id === agent)?.workers ?? 0;
      const stripe = plan === undefined ? null : shareOf(plan, agent, worker, workers, false);
      if (stripe === null || slot % stripe.period !== stripe.offset)
        this.#truth.fail(
          'slots',
          `${agent}/${worker} started slot ${slot} (${dueMs} ms) by plan ${generation}; plan ${plan?.generation} gives it to another`,
        );
    }
  }
}
