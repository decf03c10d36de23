import type { Frame } from '@muster/protocol';

/** What is on its way to an agent. */
interface Sent {
  readonly agent: string;
  readonly command: string;
  readonly frames: Frame[];
  /** When it was given first. */
  readonly sinceMs: number;
}

/** An agent signs on by one socket and connects with another: a message gets so long to find it. */
const PATIENCE_MS = 2_000;
/** Messages that wait for one agent; beyond it the newest is given up at once. */
const MAX_WAITING = 100;

export interface UndeliveredPort {
  send(frames: Frame[]): void;
  /** An agent has no connection. */
  unreachable(agent: string, command: string): void;
  now(): number;
}

/** Commands for agents, in their order, tried again for a while when an agent has no connection. */
export class Undelivered {
  readonly #port: UndeliveredPort;
  /** By the frame that names the agent: each message has one of its own. */
  readonly #sent = new WeakMap<Frame, Sent>();
  readonly #waiting = new Map<string, Sent[]>();

  constructor(port: UndeliveredPort) {
    this.#port = port;
  }

  send(agent: string, command: string, frames: Frame[]): void {
    const message = { agent, command, frames, sinceMs: this.#port.now() };
    const waiting = this.#waiting.get(agent);
    if (waiting === undefined) this.#try(message);
    else if (waiting.length < MAX_WAITING) waiting.push(message);
    else this.#port.unreachable(agent, command);
  }

  /** @returns whether the message was one of these. */
  unsent([route]: readonly Frame[]): boolean {
    const message = route === undefined ? undefined : this.#sent.get(route);
    if (message === undefined) return false;
    if (message.command === 'STATUS') {
      // A mere look whether somebody is there: nobody is.
      this.#port.unreachable(message.agent, message.command);
      return true;
    }
    const waiting = this.#waiting.get(message.agent);
    if (waiting === undefined) this.#waiting.set(message.agent, [message]);
    else waiting.push(message);
    return true;
  }

  /** Tries again what waits, and gives up what waited for too long. */
  tick(): void {
    const now = this.#port.now();
    for (const [agent, messages] of [...this.#waiting]) {
      this.#waiting.delete(agent);
      for (const message of messages.sort((a, b) => a.sinceMs - b.sinceMs)) {
        if (now - message.sinceMs >= PATIENCE_MS) this.#port.unreachable(agent, message.command);
        else this.#try(message);
      }
    }
  }

  #try(message: Sent): void {
    const [route] = message.frames;
    if (route !== undefined) this.#sent.set(route, message);
    this.#port.send(message.frames);
  }
}
