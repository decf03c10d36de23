import type { AgentMessage, BrokerMessage, ClientMessage } from '@muster/protocol';
import type { Cores } from './cores.js';
import { Random } from './random.js';
import type { Schedule, Wish } from './schedule.js';
import type { SealedSecond } from './sim-results.js';
import { type Batch, SimStore } from './sim-store.js';
import type { Truth } from './truth.js';
import { MachineClock, type VirtualTime } from './virtual-time.js';

/** What the network can do with the broker. */
export interface BrokerPort {
  readonly isAlive: boolean;
  readonly isStill: boolean;
  hears(route: string, message: AgentMessage): void;
  takes(batch: Batch): void;
  asked(client: string, message: ClientMessage): void;
}

/** What the network can do with a peer. */
export interface AgentPort {
  readonly id: string;
  hears(message: BrokerMessage): void;
  /** The broker's process died: the transport notices. */
  dropped(): void;
}
export interface ClientPort {
  answered(id: string, outcome: { readonly result: unknown } | { readonly code: string }): void;
}

/** What all parts of one simulated world share. */
export class World {
  readonly time: VirtualTime;
  readonly truth: Truth;
  readonly schedule: Schedule;
  readonly cores: Cores;
  readonly store: SimStore;
  readonly brokerClock: MachineClock;
  /** True instants at which the broker's process died. */
  readonly brokerDeaths: number[] = [];
  /** What the payload of a sealed batch means; it is carried without being encoded. */
  readonly seconds = new WeakMap<Uint8Array, SealedSecond>();
  #streams = 0;

  constructor(time: VirtualTime, truth: Truth, schedule: Schedule, cores: Cores) {
    this.time = time;
    this.truth = truth;
    this.schedule = schedule;
    this.cores = cores;
    this.store = new SimStore(truth);
    const { offsetMs, drift } = schedule.brokerClock;
    this.brokerClock = new MachineClock(time, offsetMs, drift);
  }

  /** A generator for one part of the world. */
  random(): Random {
    this.#streams += 1;
    return new Random(this.schedule.seed, this.#streams);
  }

  /** What a run was wished to be: its name says which wish it is. */
  wishOf(name: string): Wish {
    const wish = this.schedule.wishes[Number(name.replace('wish-', ''))];
    if (wish === undefined) throw new Error(`there is no ${name}`);
    return wish;
  }

  /** For how long a run lets its agents go on when the broker's process is dead. */
  orphanMsOf(run: string): number {
    const core = this.store.journal.get(`run/${run}`) as { readonly name: string } | undefined;
    const name = core?.name ?? this.store.runs.get(run)?.name;
    return name === undefined ? 0 : this.wishOf(name).orphanMs;
  }

  get diskIsSlow(): boolean {
    const { nowMs } = this.time;
    return this.schedule.troubles.some(
      (each) => each.kind === 'disk is slow' && nowMs >= each.atMs && nowMs < each.atMs + each.forMs,
    );
  }
}
