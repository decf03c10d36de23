import type { SeriesSnapshot } from '@muster/metrics';
import { EVERY_WORKER } from '@muster/protocol';

/** A time of a worker of which nothing was measured, or what was is lost. */
export interface AccountGap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly why: string;
}

/** What is known of one worker of one agent. */
export interface WorkerAccount {
  readonly agent: string;
  readonly worker: number;
  /** Everything before this instant of the run's clock is here, but for the gaps. */
  readonly sealedToMs: number;
  readonly gaps: readonly AccountGap[];
  /** Starts made, by scenario. */
  readonly started: ReadonlyMap<string, number>;
  /** Starts not made, by scenario and reason. */
  readonly dropped: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

interface OpenAccount {
  readonly agent: string;
  readonly worker: number;
  sealedToMs: number;
  readonly gaps: AccountGap[];
  readonly started: Map<string, number>;
  readonly dropped: Map<string, Map<string, number>>;
}

const WINDOW_MS = 1_000;

/** Who has sealed how much, and started and dropped how many iterations: what tells whether anything is missing. */
export class WorkerAccounts {
  readonly #accounts = new Map<string, OpenAccount>();
  readonly #cutOff = new Map<string, string>();

  /** A window was sealed to an instant. Windows may be told in any order. */
  sealed(agent: string, worker: number, sealedToMs: number): void {
    const account = this.#of(agent, worker);
    if (sealedToMs > account.sealedToMs) account.sealedToMs = sealedToMs;
  }

  /** A series of a window. Other metrics than those of starts are ignored. */
  series(agent: string, worker: number, { metric, tags, values }: SeriesSnapshot): void {
    if (metric !== 'iterations_started' && metric !== 'dropped_iterations') return;
    const account = this.#of(agent, worker);
    const scenario = tags.scenario ?? '';
    const count = values[0] ?? 0;
    if (metric === 'iterations_started') addTo(account.started, scenario, count);
    else {
      const reasons = account.dropped.get(scenario) ?? new Map<string, number>();
      account.dropped.set(scenario, reasons);
      addTo(reasons, tags.reason ?? 'unknown', count);
    }
  }

  /** The agent itself says that something is missing; of every worker: what each had open when the agent was cut off. */
  gap(agent: string, worker: number, gap: AccountGap): void {
    if (worker === EVERY_WORKER) this.#cutOff.set(agent, gap.why);
    else this.#of(agent, worker).gaps.push(gap);
  }

  /** A batch that came could not be read: a window of it is a second that is not known. */
  hole(agent: string, worker: number, kind: string, why: string): void {
    const account = this.#of(agent, worker);
    const fromMs = account.sealedToMs;
    const toMs = kind === 'window' ? fromMs + WINDOW_MS : fromMs;
    account.gaps.push({ fromMs, toMs, why: `a batch of kind ${kind} could not be read: ${why}` });
    account.sealedToMs = toMs;
  }

  of(agent: string, worker: number): WorkerAccount {
    return this.#accounts.get(keyOf(agent, worker)) ?? emptyAccount(agent, worker);
  }

  /** Why an agent's workers never sealed what they had open; undefined when that is not so. */
  whyCutOff(agent: string): string | undefined {
    return this.#cutOff.get(agent);
  }

  /** The latest instant that any worker has sealed. */
  get latestMs(): number {
    let latest = 0;
    for (const { sealedToMs } of this.#accounts.values()) latest = Math.max(latest, sealedToMs);
    return latest;
  }

  [Symbol.iterator](): Iterator<WorkerAccount> {
    return this.#accounts.values();
  }

  #of(agent: string, worker: number): OpenAccount {
    const key = keyOf(agent, worker);
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = emptyAccount(agent, worker);
      this.#accounts.set(key, account);
    }
    return account;
  }
}

const keyOf = (agent: string, worker: number): string => `${agent}/${worker}`;
const emptyAccount = (agent: string, worker: number): OpenAccount => ({
  agent,
  worker,
  sealedToMs: 0,
  gaps: [],
  started: new Map(),
  dropped: new Map(),
});
const addTo = (counts: Map<string, number>, key: string, count: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + count);
};
