import type { AgentId, AgentInfo, AgentMessage, RunId } from '@muster/protocol';

export type HelloMessage = Extract<AgentMessage, { type: 'hello' }>;
export type BeatMessage = Extract<AgentMessage, { type: 'beat' }>;

/** An agent that has signed on. */
export interface KnownAgent {
  readonly id: AgentId;
  hello: HelloMessage;
  beat: BeatMessage | null;
  heardMs: number;
  /** The run that it is reserved for or works for. */
  run: RunId | null;
  lost: boolean;
  draining: boolean;
}

/** Agents that were lost and work for nothing are forgotten after so long. */
const FORGET_LOST_MS = 60_000;

/** The agents that the broker knows: who is there, who is free. Not saved: they sign on again. */
export class Registry {
  readonly #agents = new Map<string, KnownAgent>();

  get(id: string): KnownAgent | undefined {
    return this.#agents.get(id);
  }
  get size(): number {
    return this.#agents.size;
  }
  all(): readonly KnownAgent[] {
    return [...this.#agents.values()];
  }

  /** Signs an agent on, or refuses it: false when another process has its id. */
  signOn(id: AgentId, hello: HelloMessage, nowMs: number): KnownAgent | null {
    const known = this.#agents.get(id);
    if (known !== undefined && known.hello.boot !== hello.boot && !known.lost) return null;
    const agent: KnownAgent = {
      id,
      hello,
      beat: known?.beat ?? null,
      heardMs: nowMs,
      run: hello.run?.run ?? known?.run ?? null,
      lost: false,
      draining: known?.draining ?? false,
    };
    this.#agents.set(id, agent);
    return agent;
  }

  /** Those that may be reserved, in a stable order. */
  free(): readonly KnownAgent[] {
    return this.all()
      .filter((agent) => !agent.lost && !agent.draining && agent.run === null)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Marks who has been silent for too long; the answer is who is lost since just now. */
  sweep(nowMs: number, lostMs: number): readonly KnownAgent[] {
    const lost: KnownAgent[] = [];
    for (const agent of this.#agents.values()) {
      if (!agent.lost && nowMs - agent.heardMs > lostMs) {
        agent.lost = true;
        lost.push(agent);
      } else if (agent.lost && agent.run === null && nowMs - agent.heardMs > FORGET_LOST_MS)
        this.#agents.delete(agent.id);
    }
    return lost;
  }

  info(agent: KnownAgent, running: boolean, nowMs: number): AgentInfo {
    const { hello, beat } = agent;
    return {
      id: agent.id,
      node: hello.node,
      hostname: hello.hostname,
      pid: hello.pid,
      version: hello.version,
      cores: hello.cores,
      workers: hello.workers,
      labels: hello.labels,
      state: agent.lost
        ? 'lost'
        : agent.run !== null
          ? running
            ? 'running'
            : 'reserved'
          : agent.draining
            ? 'draining'
            : 'free',
      run: agent.run,
      lastSeenMs: nowMs - agent.heardMs,
      cpu: beat?.cpu ?? 0,
      rssBytes: beat?.rssBytes ?? 0,
      lagMs: beat?.lagMs ?? 0,
      vus: beat?.vus ?? 0,
      clockOffsetMs: beat?.clock?.offsetMs ?? null,
      clockBoundMs: beat?.clock?.boundMs ?? null,
    };
  }
}
