import { Connection, type ConnectionShared } from './connection.js';
import type { Origin } from './origin.js';

/** Connections that a user keeps open though it does not use them; the one that is idle longest goes first. */
const MAX_IDLE = 64;
/** The same for a pool that all users of a worker share: less than a process may have open. */
export const MAX_IDLE_SHARED = 10_000;

/** Connections of one user, or of all users of a worker: idle ones are given out again, newest first. */
export class ConnectionPool {
  readonly #maxIdle: number;
  readonly #all = new Set<Connection>();
  /** Most users talk to one origin: its idle connection needs no table. */
  #last: Connection | null = null;
  #idle: Map<Origin, Connection[]> | null = null;
  #idleCount = 0;

  constructor(maxIdle = MAX_IDLE) {
    this.#maxIdle = maxIdle;
  }

  /** An idle connection to the origin, or a new one; its user's alone until it is given back. */
  take(origin: Origin, shared: ConnectionShared): Connection {
    const last = this.#last;
    if (last !== null && last.origin === origin) {
      this.#last = null;
      return last;
    }
    const idle = this.#idle?.get(origin)?.pop();
    if (idle !== undefined) {
      this.#idleCount -= 1;
      return idle;
    }
    const made = new Connection(origin, shared);
    made.pooled = true;
    this.#all.add(made);
    return made;
  }

  /** Takes a connection back after its exchange. */
  give(connection: Connection): void {
    if (!connection.pooled) connection.close();
    else if (this.#last === null) this.#last = connection;
    else if (!connection.open) this.#forget(connection);
    else this.#shelve(connection);
  }

  #shelve(connection: Connection): void {
    this.#idle ??= new Map();
    const others = this.#idle.get(connection.origin);
    if (others === undefined) this.#idle.set(connection.origin, [connection]);
    else others.push(connection);
    this.#idleCount += 1;
    if (this.#idleCount > this.#maxIdle) this.#closeOldest(this.#idle);
  }

  #closeOldest(idle: Map<Origin, Connection[]>): void {
    for (const [origin, connections] of idle) {
      const oldest = connections.shift();
      if (connections.length === 0) idle.delete(origin);
      if (oldest === undefined) continue;
      this.#idleCount -= 1;
      this.#forget(oldest);
      return;
    }
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    connection.pooled = false;
    connection.close();
  }

  /** Closes all; what is under way ends as interrupted. */
  close(): void {
    const all = [...this.#all];
    this.#all.clear();
    this.#last = null;
    this.#idle = null;
    this.#idleCount = 0;
    for (const connection of all) {
      connection.pooled = false;
      connection.close();
    }
  }
}
