import { type AgentId, type AgentInfo, type AgentMessage, RunId } from '@muster/protocol';

export type HelloMessage = Extract<AgentMessage, { type: 'hello' }>;
export type BeatMessage = Extract<AgentMessage, { type: 'beat' }>;

/** An agent that has signed on. */
export interface KnownAgent {
  readonly id: AgentId;
  hello: HelloMessage;
  beat: BeatMessage | null;
  heardMs: number;
  /**
   * Runs that bind it: reserved for by this broker, or brought along. Each until the agent itself says that nothing of
   * it is left, however often its words come late or out of order.
   */
  readonly holds: Set<RunId>;
  lost: boolean;
  draining: boolean;
}

/** Agents that were lost are forgotten after so long. */
const FORGET_LOST_MS = 60_000;
/** A pause between two looks that is longer than this is the broker's own, and no agent's silence. */
const OWN_PAUSE_MS = 500;

/** The agents that the broker knows: who is there, who is free. Not saved: they sign on again. */
export class Registry {
  readonly #max: number;
  readonly #agents = new Map<string, KnownAgent>();
  /** Agents that work for runs of the original, whether or not they are there just now. */
  readonly #bound = new Map<string, string | null>();
  #lookedMs: number | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  get(id: string): KnownAgent | undefined {
    return this.#agents.get(id);
  }
  all(): readonly KnownAgent[] {
    return [...this.#agents.values()];
  }
  /** Signed on, and heard of lately. */
  isThere(id: string): boolean {
    return this.#agents.get(id)?.lost === false;
  }

  /** Room for one more; an agent that is lost for good makes it. */
  makeRoom(): boolean {
    if (this.#agents.size < this.#max) return true;
    for (const agent of this.#agents.values()) {
      if (!agent.lost) continue;
      this.#agents.delete(agent.id);
      return true;
    }
    return false;
  }

  /** Takes an agent in, or notes what it says of itself now. */
  signOn(id: AgentId, hello: HelloMessage, nowMs: number): KnownAgent {
    const known = this.#agents.get(id);
    const agent: KnownAgent =
      known?.hello.boot === hello.boot
        ? known
        : { id, hello, beat: null, heardMs: nowMs, holds: new Set(), lost: false, draining: false };
    agent.hello = hello;
    agent.heardMs = nowMs;
    if (hello.run !== null) agent.holds.add(hello.run.run);
    this.#agents.set(id, agent);
    return agent;
  }

  /** Something came from an agent. @returns whether it had been lost until now. */
  heard(agent: KnownAgent, nowMs: number): boolean {
    const returned = agent.lost;
    agent.heardMs = nowMs;
    agent.lost = false;
    return returned;
  }

  /** It works for a run of the original, or (null) for a client of it: it is not free until it is unbound. */
  bind(id: string, run: string | null): void {
    this.#bound.set(id, run);
  }
  unbind(id: string): void {
    this.#bound.delete(id);
  }
  /** What of the original it works for; undefined when nothing. */
  boundRun(id: string): string | null | undefined {
    return this.#bound.get(id);
  }

  isFree(id: string): boolean {
    const agent = this.#agents.get(id);
    return agent !== undefined && !agent.lost && !agent.draining && agent.holds.size === 0 && !this.#bound.has(id);
  }

  /** Those that may be reserved, in a stable order. */
  free(): readonly KnownAgent[] {
    return this.all()
      .filter(({ id }) => this.isFree(id))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Marks who has been silent for too long, and forgets who is gone for good. @returns who is lost since just now. */
  sweep(nowMs: number, lostMs: number): readonly KnownAgent[] {
    const paused = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    if (paused > OWN_PAUSE_MS) this.#excuse(paused, nowMs);
    const lost: KnownAgent[] = [];
    for (const agent of this.#agents.values()) {
      const silentMs = nowMs - agent.heardMs;
      if (!agent.lost && silentMs > lostMs) {
        agent.lost = true;
        lost.push(agent);
      } else if (agent.lost && silentMs > FORGET_LOST_MS) {
        this.#agents.delete(agent.id);
      }
    }
    return lost;
  }

  /** While this process stood still nobody could be heard: what they said meanwhile is still to be read. */
  #excuse(pausedMs: number, nowMs: number): void {
    for (const agent of this.#agents.values()) agent.heardMs = Math.min(nowMs, agent.heardMs + pausedMs);
  }
}

/** An agent as clients see it. */
export const agentInfo = (
  agent: KnownAgent,
  isLoading: (run: RunId) => boolean,
  nowMs: number,
  bound?: string | null,
): AgentInfo => {
  const { hello, beat, holds } = agent;
  const [native = null] = holds;
  const original = bound === undefined ? null : (RunId.safeParse(bound).data ?? null);
  const run = native ?? original;
  const isBusy = run !== null || bound !== undefined;
  const busy = bound !== undefined || (run !== null && isLoading(run)) ? 'running' : 'reserved';
  return {
    id: agent.id,
    node: hello.node,
    hostname: hello.hostname,
    pid: hello.pid,
    version: hello.version,
    cores: hello.cores,
    workers: hello.workers,
    labels: hello.labels,
    state: agent.lost ? 'lost' : isBusy ? busy : agent.draining ? 'draining' : 'free',
    run,
    lastSeenMs: Math.max(0, nowMs - agent.heardMs),
    cpu: beat?.cpu ?? 0,
    rssBytes: beat?.rssBytes ?? 0,
    lagMs: beat?.lagMs ?? 0,
    vus: beat?.vus ?? 0,
    clockOffsetMs: beat?.clock?.offsetMs ?? null,
    clockBoundMs: beat?.clock?.boundMs ?? null,
  };
};
