import { decodeNative, eventTopic, type Frame, RunEvent, readEvent } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { reachable } from './reachable.js';

export type EventListener = (event: RunEvent) => void;

/**
 * The events of runs, as the broker publishes them: they may be lost, so whoever listens checks their numbers. One
 * socket for any number of listeners, open only while there is one.
 */
export class EventFeed {
  readonly #frontend: string;
  #endpoint: string;
  #socket: Socket | null = null;
  readonly #listeners = new Map<string, Set<EventListener>>();

  constructor(frontend: string, endpoint: string) {
    this.#frontend = frontend;
    this.#endpoint = reachable(endpoint, this.#frontend);
  }

  /** Starts to hear a run; the answer ends it. */
  listen(run: string, listener: EventListener): () => void {
    const listeners = this.#listeners.get(run) ?? new Set();
    listeners.add(listener);
    if (listeners.size === 1) {
      this.#listeners.set(run, listeners);
      this.#open().subscribe(eventTopic(run));
    }
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#listeners.delete(run);
      this.#socket?.unsubscribe(eventTopic(run));
      if (this.#listeners.size === 0) void this.close();
    };
  }

  /** Goes where the broker publishes now. */
  moveTo(endpoint: string): void {
    const next = reachable(endpoint, this.#frontend);
    if (next === this.#endpoint) return;
    this.#socket?.disconnect(this.#endpoint);
    this.#socket?.connect(next);
    this.#endpoint = next;
  }

  #open(): Socket {
    if (this.#socket !== null) return this.#socket;
    this.#socket = openSocket('sub', {
      lingerMs: 0,
      onMessage: (frames) => this.#receive(frames),
      // An event that can't be read is one that was lost: the gap in the numbers tells.
      onFault: () => undefined,
    });
    this.#socket.connect(this.#endpoint);
    return this.#socket;
  }

  #receive(frames: readonly Frame[]): void {
    const event = decodeNative(RunEvent, readEvent(frames).payload);
    for (const listener of this.#listeners.get(event.run) ?? []) listener(event);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    await socket?.close();
  }
}
