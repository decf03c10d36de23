import { MusterError } from '@muster/protocol';
import type { AuthorPlaces } from '../author-place.js';
import type { RunClock } from './run-clock.js';
import type { VirtualUser } from './virtual-user.js';

/** Thrown by `fail` and `exec.test.fail`: the author ended the iteration as failed. */
export class FailSignal extends Error {
  override readonly name = 'FailSignal';
}
/** Thrown by `exec.test.abort`: the iteration ends there, and the run with it. */
export class AbortSignalError extends Error {
  override readonly name = 'AbortSignalError';
}

/** The author's function of a scenario. */
export type AuthorFunction = (data: unknown) => unknown;

export interface IterationRunnerPorts {
  /** Runs a function as this user: whatever it awaits, its calls find the user again. */
  readonly as: <T>(user: VirtualUser, fn: (argument: unknown) => T, argument?: unknown) => T;
  /** Says again which user it is, after an `await` inside of such a function of ours. */
  readonly back: (user: VirtualUser) => void;
  /** Finds the author's line in a stack. */
  readonly places: Pick<AuthorPlaces, 'of'>;
  readonly clock: RunClock;
  /** The value of `setup`. */
  readonly data: () => unknown;
  /** `performance.now()` when the event loop turned last, as far as somebody noted it. */
  readonly lastTurnMs: () => number;
  readonly minIterationMs: number;
}

/** What a user does next: a number is an iteration with this index in the test; or the end; or first a wait. */
export type Next = number | 'end' | Promise<unknown>;

/** Longest time that iterations may follow each other without a turn of the event loop. */
const MAX_WITHOUT_TURN_MS = 15;

/** Runs iterations of the author's function: measures, catches what it throws, keeps the event loop turning. */
export class IterationRunner {
  readonly #ports: IterationRunnerPorts;
  #turning: Promise<void> | null = null;
  /** When the iteration that ended last did: the next one of its user begins at that instant. */
  #endedMs = 0;
  /** What the iteration that is about to end threw. */
  #noted: { readonly code: string; readonly message: string; readonly where: string | null } | null = null;
  completed = 0;
  interrupted = 0;
  failed = 0;

  constructor(ports: IterationRunnerPorts) {
    this.#ports = ports;
  }

  /** Iterations of one user, one after the other, until `next` says `end`. Never rejects. */
  loop(user: VirtualUser, fn: AuthorFunction, next: (user: VirtualUser, nowMs: number) => Next): Promise<void> {
    return this.#ports.as(user, () => this.#loop(user, fn, next));
  }

  async #loop(user: VirtualUser, fn: AuthorFunction, next: (user: VirtualUser, nowMs: number) => Next): Promise<void> {
    let startedMs = performance.now();
    for (;;) {
      const index = next(user, startedMs);
      if (index === 'end') return;
      if (typeof index !== 'number') {
        await index;
        startedMs = performance.now();
        continue;
      }
      this.#begin(user, startedMs, -1, index);
      this.#ports.back(user);
      try {
        const returned = fn(this.#ports.data());
        await returned;
        if (user.hasSockets) await user.sockets.end(returned === undefined);
        if (user.cancelled) return;
      } catch (thrown) {
        if (user.cancelled) return;
        this.#note(user, thrown);
      }
      const pause = this.#end(user);
      if (pause === null) startedMs = this.#endedMs;
      else {
        await pause;
        startedMs = performance.now();
      }
    }
  }

  /** One iteration that was due at an instant of the run's clock. Never rejects. */
  async once(user: VirtualUser, fn: AuthorFunction, intendedUs: number, index: number): Promise<void> {
    this.#begin(user, performance.now(), intendedUs, index);
    try {
      const returned = this.#ports.as(user, fn, this.#ports.data());
      await returned;
      if (user.hasSockets) await user.sockets.end(returned === undefined);
      if (user.cancelled) return;
    } catch (thrown) {
      if (user.cancelled) return;
      this.#note(user, thrown);
    }
    const pause = this.#end(user);
    if (pause !== null) await pause;
  }

  #begin(user: VirtualUser, startedMs: number, intendedUs: number, index: number): void {
    const { recorder, iterations } = user.scenario;
    recorder.touch(startedMs);
    iterations.started.add(1);
    if (intendedUs >= 0) {
      const lagUs = this.#ports.clock.at(startedMs) * 1_000 - intendedUs;
      iterations.lag.addUs(Math.max(0, Math.round(lagUs)));
    }
    user.begin(intendedUs, startedMs, index);
    recorder.events?.add({ kind: 'begin', vu: user.id, iteration: user.iteration });
  }

  /** Counts the iteration; gives what must be waited for before the next one. */
  #end(user: VirtualUser): Promise<void> | null {
    const nowMs = performance.now();
    const { recorder, iterations } = user.scenario;
    recorder.touch(nowMs);
    user.inIteration = false;
    if (user.hasSockets) user.sockets.drop();
    this.completed += 1;
    iterations.completed.add(1);
    if (recorder.events !== null) {
      recorder.events.add({ kind: 'end', vu: user.id, iteration: user.iteration, error: this.#noted });
      this.#noted = null;
    }
    this.#endedMs = nowMs;
    const tookMs = nowMs - user.iterationStartedMs;
    iterations.duration.addUs(Math.round(tookMs * 1_000));
    if (tookMs < this.#ports.minIterationMs) return user.pause(this.#ports.minIterationMs - tookMs);
    return nowMs - this.#ports.lastTurnMs() > MAX_WITHOUT_TURN_MS ? this.#turn() : null;
  }

  /** One turn of the event loop for all users that need it. */
  #turn(): Promise<void> {
    this.#turning ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turning = null;
        resolve();
      });
    });
    return this.#turning;
  }

  #note(user: VirtualUser, thrown: unknown): void {
    if (thrown instanceof AbortSignalError) return;
    const { recorder, iterations } = user.scenario;
    const isFail = thrown instanceof FailSignal;
    const error = thrown instanceof Error ? thrown : null;
    const text =
      error === null ? `thrown: ${String(thrown)}` : isFail ? error.message : `${error.name}: ${error.message}`;
    const where = this.#ports.places.of(error?.stack);
    this.failed += 1;
    iterations.failed.add(1);
    const code = error instanceof MusterError ? error.code : isFail ? 'FAIL' : 'SCRIPT_EXCEPTION';
    recorder.error(code, text, where, user.scenario.name, performance.now());
    this.#noted = { code, message: text, where };
  }

  /** Cuts off an iteration that goes on. */
  interrupt(user: VirtualUser): void {
    if (user.cancelled) return;
    user.cancel();
    this.interrupted += 1;
    user.scenario.recorder.touch(performance.now());
    user.scenario.iterations.interrupted.add(1);
  }
}
