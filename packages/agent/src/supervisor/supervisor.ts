import type { Effect } from './effect.js';
import type { SupervisorEvent } from './event.js';
import type { Saved, SupervisorConfig } from './supervisor-config.js';

/**
 * The agent's core: takes what happens and the time, returns what is to be done. Deterministic; no clock, no socket, no
 * disk, no process of its own.
 */
export class Supervisor {
  readonly #config: SupervisorConfig;

  constructor(config: SupervisorConfig, _saved: Saved = { streams: [] }) {
    this.#config = config;
  }

  /** @param nowMs the agent's monotonic clock */
  handle(event: SupervisorEvent, nowMs: number): readonly Effect[] {
    if (event.type !== 'start') return [];
    return [{ type: 'connect' }, { type: 'wake', atMs: nowMs + this.#config.silenceMs }];
  }
}
