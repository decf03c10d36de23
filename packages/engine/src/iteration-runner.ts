import type { AuthorPlaces } from './author-place.js';
import { now } from './clock.js';
import type { VirtualUser } from './virtual-user.js';

/** Thrown by `fail` and `exec.test.fail`: the author ended the iteration. */
export class FailSignal extends Error {
  override readonly name = 'FailSignal';
}

export interface IterationRunnerPorts {
  /** Runs a function as this user: whatever it awaits, its calls find the user again. */
  readonly as: <T>(user: VirtualUser, fn: () => T) => T;
  readonly places: AuthorPlaces;
  readonly runMs: () => number;
  readonly data: () => unknown;
  /** Set by whatever turns the event loop; see {@link IterationRunner.run}. */
  readonly lastTurnMs: () => number;
  readonly minIterationMs: number;
}

/** Longest time that iterations may follow each other without a turn of the event loop. */
const MAX_WITHOUT_TURN_MS = 20;

/** How an iteration ended. */
export type IterationEnd = 'completed' | 'failed' | 'interrupted';

/** Runs iterations of the author's function: measures, catches what it throws, keeps the event loop turning. */
export class IterationRunner {
  readonly #ports: IterationRunnerPorts;
  completed = 0;
  interrupted = 0;
  failed = 0;

  constructor(ports: IterationRunnerPorts) {
    this.#ports = ports;
  }

  /** One iteration. `intendedMs` is -1 where the executor has no schedule. Never rejects. */
  async run(
    user: VirtualUser,
    fn: (data: unknown) => unknown,
    intendedMs: number,
    iterationInTest: number,
  ): Promise<IterationEnd> {
    const { iterations, recorder } = user.scenario;
    const startedAt = performance.now();
    const startedMs = this.#ports.runMs();
    recorder.tick();
    iterations.started.add(1);
    if (intendedMs >= 0) iterations.lag.addUs(Math.max(0, Math.round((startedMs - intendedMs) * 1_000)));
    user.begin(intendedMs, startedMs, iterationInTest);
    let end: IterationEnd = 'completed';
    try {
      await this.#ports.as(user, () => fn(this.#ports.data()));
    } catch (thrown) {
      end = 'failed';
      if (!user.cancelled) this.#note(user, thrown);
    }
    if (user.cancelled) return 'interrupted';
    recorder.tick();
    this.completed += 1;
    iterations.completed.add(1);
    if (end === 'failed') {
      this.failed += 1;
      iterations.failed.add(1);
    }
    const tookMs = performance.now() - startedAt;
    iterations.duration.addUs(Math.round(tookMs * 1_000));
    if (tookMs < this.#ports.minIterationMs)
      await new Promise((resolve) => setTimeout(resolve, this.#ports.minIterationMs - tookMs));
    else if (now() - this.#ports.lastTurnMs() > MAX_WITHOUT_TURN_MS)
      await new Promise((resolve) => setImmediate(resolve));
    return end;
  }

  #note(user: VirtualUser, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const where = this.#ports.places.of(error.stack);
    const code = error instanceof FailSignal ? 'FAIL' : 'SCRIPT_EXCEPTION';
    user.scenario.recorder.error(
      code,
      error instanceof FailSignal ? error.message : `${error.name}: ${error.message}`,
      where,
      user.scenario.name,
    );
  }

  /** An iteration that was cut off: counted once, by whoever cut it off. */
  noteInterrupted(user: VirtualUser): void {
    this.interrupted += 1;
    user.scenario.iterations.interrupted.add(1);
  }
}
