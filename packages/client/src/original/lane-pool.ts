import { MusterError } from '@muster/protocol';
import { aborted, firstAborted, onAbort } from '../give-up.js';
import { Lane, type LaneCall } from './lane.js';

/**
 * Lanes that are opened when they are needed, up to a number; who comes when all are in use waits in line. A lane that
 * broke is closed, and the next who asks gets a new one.
 */
export class LanePool {
  readonly #endpoint: string;
  readonly #most: number;
  readonly #free: Lane[] = [];
  readonly #used = new Set<Lane>();
  #line: (() => void)[] = [];
  #closed = false;

  constructor(endpoint: string, most: number) {
    this.#endpoint = endpoint;
    this.#most = most;
  }

  /** Lanes that are open now. */
  get size(): number {
    return this.#free.length + this.#used.size;
  }

  /** A lane for one question, to be given back. @throws MusterError `CLOSED`, `TIMEOUT`, `ABORTED` */
  async take(call: LaneCall): Promise<Lane> {
    const untilMs = performance.now() + call.timeoutMs;
    while (!this.#closed && this.#used.size >= this.#most) {
      await this.#turn({ ...call, timeoutMs: Math.max(untilMs - performance.now(), 0) });
    }
    if (this.#closed) throw new MusterError('CLOSED', `${call.what} was asked on a connection that is closed`);
    for (let lane = this.#free.pop(); lane !== undefined; lane = this.#free.pop()) {
      if (!lane.broken) return this.#use(lane);
      void lane.close();
    }
    return this.#use(new Lane(this.#endpoint));
  }

  /** Takes a lane back; `spoiled` when something may still come in on it. */
  give(lane: Lane, spoiled = false): void {
    this.#used.delete(lane);
    if (lane.broken || spoiled || this.#closed) void lane.close();
    else this.#free.push(lane);
    this.#line.shift()?.();
  }

  #use(lane: Lane): Lane {
    this.#used.add(lane);
    return lane;
  }

  async #turn({ what, timeoutMs, signals }: LaneCall): Promise<void> {
    const gone = firstAborted(signals);
    if (gone !== undefined) throw aborted(`"${what}"`, gone);
    const ends: (() => void)[] = [];
    let mine: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        mine = resolve;
        this.#line.push(mine);
        const late = setTimeout(
          () => reject(new MusterError('TIMEOUT', `"${what}" waited ${Math.round(timeoutMs)} ms for its turn`)),
          timeoutMs,
        );
        ends.push(
          () => clearTimeout(late),
          onAbort(signals, (signal) => reject(aborted(`"${what}"`, signal))),
        );
      });
    } finally {
      this.#line = this.#line.filter((each) => each !== mine);
      for (const end of ends) end();
    }
  }

  /** Ends every question in flight with `CLOSED`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const next of this.#line.splice(0)) next();
    await Promise.all([...this.#used, ...this.#free.splice(0)].map((lane) => lane.close()));
  }
}
