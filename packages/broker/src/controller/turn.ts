import type { BrokerMessage } from '@muster/protocol';
import type { ControllerEffect, Instant } from './events.js';

/** One call of the controller: the instant at which it happens, and what it wants done. */
export class Turn {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly #effects: ControllerEffect[] = [];

  constructor({ nowMs, wallMs }: Instant) {
    this.nowMs = nowMs;
    this.wallMs = wallMs;
  }

  get effects(): readonly ControllerEffect[] {
    return this.#effects;
  }
  /** The wall's time as ISO 8601. */
  get iso(): string {
    return new Date(this.wallMs).toISOString();
  }

  do(effect: ControllerEffect): void {
    this.#effects.push(effect);
  }
  send(agent: string, message: BrokerMessage): void {
    this.#effects.push({ type: 'send', agent, message });
  }
}
