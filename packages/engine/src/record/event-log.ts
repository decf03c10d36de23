import type { TestEvent } from '../ipc.js';

/** Events of a second that are kept; what is beyond is counted. */
const MAX_EVENTS = 100_000;

/** What happened to iterations, counters and sockets, one by one and in order: for an agent that tells it that way. */
export class EventLog {
  #events: TestEvent[] = [];
  #lost = 0;

  add(event: TestEvent): void {
    if (this.#events.length < MAX_EVENTS) this.#events.push(event);
    else this.#lost += 1;
  }

  /** Those since the last call. */
  take(): readonly TestEvent[] {
    const events = this.#events;
    if (this.#lost > 0) events.push({ kind: 'lost', count: this.#lost });
    this.#events = [];
    this.#lost = 0;
    return events;
  }
}
