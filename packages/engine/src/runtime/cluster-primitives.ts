import type { Claimed } from '@muster/script';
import type { GivenBlock } from '../executors/scenario-host.js';

/** What the whole cluster agrees on, as the supervisor passes it on. */
export interface ClusterPorts {
  readonly once: (name: string, make: () => unknown) => Promise<unknown>;
  readonly barrier: (name: string) => Promise<{ readonly arrived: number; readonly lost: number }>;
  readonly claim: (
    name: string,
    mode: 'at-most-once' | 'at-least-once',
    count: number,
    confirmed: number,
  ) => Promise<GivenBlock>;
}

/** The wire's block. */
const MAX_BLOCK = 100;
/** A block that lasts longer than this is large enough. */
const BLOCK_LASTS_MS = 1_000;
/** Names that the author may use for values made once and for claims, each. */
const MAX_NAMES = 10_000;

/** Indices that were leased for this worker and not handed out yet; what is left at the end is burned. */
interface Lease {
  from: number;
  count: number;
  block: number;
  askedMs: number;
  asking: Promise<boolean> | null;
}

/** `once`, `barrier` and `claim` for the users of a worker: they ask the cluster together, not each for itself. */
export class ClusterPrimitives {
  readonly #ports: ClusterPorts;
  readonly #values = new Map<string, Promise<unknown>>();
  readonly #barriers = new Map<string, Promise<{ readonly arrived: number; readonly lost: number }>>();
  readonly #leases = new Map<string, Lease>();

  constructor(ports: ClusterPorts) {
    this.#ports = ports;
  }

  /** A value that could not be made is made again by whoever asks next. */
  once(name: string, make: () => unknown): Promise<unknown> {
    let value = this.#values.get(name);
    if (value === undefined) {
      mustFit(this.#values, 'once');
      value = this.#ports.once(name, make);
      this.#values.set(name, value);
      value.catch(() => this.#values.delete(name));
    }
    return value;
  }

  /** The first user that arrives stands for its worker; the others wait with it. */
  barrier(name: string): Promise<{ readonly arrived: number; readonly lost: number }> {
    let passed = this.#barriers.get(name);
    if (passed === undefined) {
      passed = this.#ports.barrier(name).finally(() => this.#barriers.delete(name));
      this.#barriers.set(name, passed);
    }
    return passed;
  }

  /** At least one and at most `count` indices that nobody else in the cluster has; null when there are no more. */
  async claim(name: string, count: number): Promise<Claimed | null> {
    if (!Number.isSafeInteger(count) || count < 1) throw new Error(`claim takes a count of at least 1, not ${count}`);
    let lease = this.#leases.get(name);
    if (lease === undefined) {
      mustFit(this.#leases, 'claim');
      lease = { from: 0, count: 0, block: 1, askedMs: 0, asking: null };
      this.#leases.set(name, lease);
    }
    while (lease.count === 0) {
      lease.asking ??= this.#more(name, lease, count);
      if (!(await lease.asking)) return null;
    }
    const given = Math.min(count, lease.count);
    const from = lease.from;
    lease.from += given;
    lease.count -= given;
    return { from, count: given };
  }

  async #more(name: string, lease: Lease, least: number): Promise<boolean> {
    const nowMs = performance.now();
    lease.block = nowMs - lease.askedMs < BLOCK_LASTS_MS ? Math.min(MAX_BLOCK, lease.block * 2) : lease.block;
    lease.askedMs = nowMs;
    try {
      const given = await this.#ports.claim(name, 'at-most-once', Math.max(least, lease.block), 0);
      lease.from = given.from;
      lease.count = given.count;
      return given.count > 0;
    } finally {
      lease.asking = null;
    }
  }
}

const mustFit = (names: ReadonlyMap<string, unknown>, what: string): void => {
  if (names.size >= MAX_NAMES) throw new Error(`${what} was used with more than ${MAX_NAMES} different names`);
};
