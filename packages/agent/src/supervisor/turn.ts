import type { Effect } from './effect.js';

/** One call of the supervisor's `handle`: the instant at which it happens, and what it wants done. */
export class Turn {
  readonly #effects: Effect[] = [];

  constructor(readonly nowMs: number) {}

  get effects(): readonly Effect[] {
    return this.#effects;
  }

  do(effect: Effect): void {
    this.#effects.push(effect);
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.#effects.push({ type: 'log', level, message });
  }
}

/** The earliest of some instants; `Infinity` stands for never. */
export const earliest = (...instants: readonly number[]): number => Math.min(Number.POSITIVE_INFINITY, ...instants);
export const NEVER = Number.POSITIVE_INFINITY;
