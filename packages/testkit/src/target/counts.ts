/** What was counted of one path. */
export interface PathCounts {
  /** Requests that came whole. */
  received: number;
  /** Answers whose last byte was handed to the kernel, and that were well-formed. */
  served: number;
  /** Served answers by status. */
  readonly statuses: Record<string, number>;
}

/** What the target counted, itself; `/stats` and `/reset` don't count. */
export interface TargetCounts {
  received: number;
  served: number;
  connections: number;
  /** TLS handshakes that took up an earlier session. */
  resumed: number;
  /** WebSockets that were opened, and messages that came on them. */
  sockets: number;
  messages: number;
  /** Opened WebSockets that ended, by the code of their close frame (1006: without one). */
  readonly ends: Readonly<Record<string, number>>;
  /** By path without query; beyond 1,000 paths the rest is counted as `(other)`. */
  readonly paths: Readonly<Record<string, PathCounts>>;
}

const MAX_PATHS = 1_000;
const OTHER = '(other)';

/** Counts requests and answers of a target. */
export class Counts implements TargetCounts {
  received = 0;
  served = 0;
  connections = 0;
  resumed = 0;
  sockets = 0;
  messages = 0;
  ends: Record<string, number> = {};
  #paths = new Map<string, PathCounts>();

  get paths(): Readonly<Record<string, PathCounts>> {
    return Object.fromEntries(this.#paths);
  }

  countReceived(path: string): PathCounts {
    const counts = this.#of(path);
    this.received += 1;
    counts.received += 1;
    return counts;
  }

  countServed(counts: PathCounts, status: number): void {
    this.served += 1;
    counts.served += 1;
    counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
  }

  #of(path: string): PathCounts {
    const name = this.#paths.has(path) || this.#paths.size < MAX_PATHS ? path : OTHER;
    let counts = this.#paths.get(name);
    if (counts === undefined) {
      counts = { received: 0, served: 0, statuses: {} };
      this.#paths.set(name, counts);
    }
    return counts;
  }

  /** Everything from zero; open connections are not counted again. */
  reset(): void {
    this.received = 0;
    this.served = 0;
    this.connections = 0;
    this.resumed = 0;
    this.sockets = 0;
    this.messages = 0;
    this.ends = {};
    this.#paths = new Map();
  }

  toJSON(): TargetCounts {
    const { received, served, connections, resumed, sockets, messages, ends, paths } = this;
    return { received, served, connections, resumed, sockets, messages, ends, paths };
  }
}
