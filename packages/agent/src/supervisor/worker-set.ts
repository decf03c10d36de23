import type { InitOrder, WorkerOrder } from '@muster/engine';
import type { WorkerExit } from '../worker-host/worker-exit.js';
import { NEVER, type Turn } from './turn.js';

/** How far a worker has come. */
type Progress = 'started' | 'loaded' | 'ready' | 'done';

interface Known {
  progress: Progress;
  alive: boolean;
  /** Windows before this instant of the run's clock are sealed. */
  sealedToMs: number;
  vus: number;
  lagMs: number;
  /** The stop ladder: what comes next and when; null while nothing was asked. */
  ladder: { readonly next: 'SIGTERM' | 'SIGKILL' | null; readonly atMs: number } | null;
}

const ORDER: readonly Progress[] = ['started', 'loaded', 'ready', 'done'];

/** The workers of a run: who lives, how far each has come, and the ladder by which each is ended. */
export class WorkerSet {
  readonly #ladderMs: number;
  readonly #workers: Known[] = [];

  constructor(ladderMs: number) {
    this.#ladderMs = ladderMs;
  }

  start(turn: Turn, inits: readonly InitOrder[]): void {
    for (const _ of inits)
      this.#workers.push({ progress: 'started', alive: true, sealedToMs: 0, vus: 0, lagMs: 0, ladder: null });
    turn.do({ type: 'workers.start', inits });
  }

  get alive(): number {
    return this.#workers.filter((worker) => worker.alive).length;
  }
  get vus(): number {
    return this.#workers.reduce((sum, worker) => sum + (worker.alive ? worker.vus : 0), 0);
  }
  /** Longest delay that a worker's loop reported since this was last asked. */
  takeLagMs(): number {
    let longest = 0;
    for (const worker of this.#workers) {
      longest = Math.max(longest, worker.lagMs);
      worker.lagMs = 0;
    }
    return longest;
  }
  isAlive(worker: number): boolean {
    return this.#workers[worker]?.alive === true;
  }
  isDone(worker: number): boolean {
    return this.#workers[worker]?.progress === 'done';
  }
  /** Every worker that lives, and at least one that did, has come so far. */
  all(progress: Progress): boolean {
    return (
      this.#workers.length > 0 &&
      this.#workers.every(
        (worker) => ORDER.indexOf(worker.progress) >= ORDER.indexOf(progress) || (!worker.alive && progress === 'done'),
      )
    );
  }
  reached(worker: number, progress: Progress): void {
    const known = this.#workers[worker];
    if (known !== undefined && ORDER.indexOf(progress) > ORDER.indexOf(known.progress)) known.progress = progress;
  }
  sealed(worker: number, toMs: number): void {
    const known = this.#workers[worker];
    if (known !== undefined) known.sealedToMs = Math.max(known.sealedToMs, toMs);
  }
  sealedToMs(worker: number): number {
    return this.#workers[worker]?.sealedToMs ?? 0;
  }
  stats(worker: number, vus: number, lagMs: number): void {
    const known = this.#workers[worker];
    if (known === undefined) return;
    known.vus = vus;
    known.lagMs = Math.max(known.lagMs, lagMs);
  }

  order(turn: Turn, worker: number, order: WorkerOrder): void {
    if (this.isAlive(worker)) turn.do({ type: 'worker.order', worker, order });
  }
  orderAll(turn: Turn, order: WorkerOrder): void {
    for (const worker of this.#workers.keys()) this.order(turn, worker, order);
  }

  /** Asks workers to end and starts the ladder; those asked before are not asked again. */
  end(turn: Turn, keep: number | null = null): void {
    for (const [worker, known] of this.#workers.entries()) {
      if (!known.alive || worker === keep || known.ladder !== null) continue;
      known.ladder = { next: 'SIGTERM', atMs: turn.nowMs + this.#ladderMs };
      turn.do({ type: 'worker.order', worker, order: { type: 'end' } });
    }
  }
  /** The last step of the ladder, at once. */
  kill(turn: Turn): void {
    for (const [worker, known] of this.#workers.entries()) {
      if (!known.alive) continue;
      known.ladder = { next: null, atMs: NEVER };
      turn.do({ type: 'worker.signal', worker, signal: 'SIGKILL' });
    }
  }

  /** A worker is gone. @returns whether that had been asked for. */
  exited(worker: number, exit: WorkerExit): boolean {
    const known = this.#workers[worker];
    if (known === undefined) return true;
    known.alive = false;
    const asked = known.ladder !== null;
    known.ladder = null;
    return asked || exit.reason === 'asked';
  }

  get nextMs(): number {
    return Math.min(NEVER, ...this.#workers.map((worker) => worker.ladder?.atMs ?? NEVER));
  }
  due(turn: Turn): void {
    for (const [worker, known] of this.#workers.entries()) {
      const { ladder } = known;
      if (!known.alive || ladder === null || ladder.next === null || turn.nowMs < ladder.atMs) continue;
      turn.log('warn', `worker ${worker} did not end in ${this.#ladderMs} ms: ${ladder.next}`);
      turn.do({ type: 'worker.signal', worker, signal: ladder.next });
      known.ladder =
        ladder.next === 'SIGTERM'
          ? { next: 'SIGKILL', atMs: turn.nowMs + this.#ladderMs }
          : { next: null, atMs: NEVER };
    }
  }
}
