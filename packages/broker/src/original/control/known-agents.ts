import type { SignedOn } from '@muster/protocol';
import type { Registry } from '../../controller/agents/registry.js';

/** What an agent works for. */
export interface Work {
  /** Null for what a client started on it by name. */
  readonly run: string | null;
  readonly native: boolean;
  /** Seconds since 1970. */
  readonly since: number;
  /** When it last answered that it works, or when it was first asked; null before. */
  heardMs: number | null;
  /** It said that it began, or that something runs. */
  begun: boolean;
  /** Answers that are still under way to questions from before this work: they tell nothing of it. */
  stale: number;
  /** It was told to stop: its answer to that counts. */
  stopping: boolean;
}

/** A question that was not answered for so long never will be. */
const UNANSWERED_MS = 5_000;

/** How it goes with an agent, of either dialect. */
export interface Contact {
  /** The last answer to `_STATUS`. */
  status: Readonly<Record<string, unknown>> | null;
  /** When each `_STATUS` that is not answered was asked. */
  asked: number[];
  /** Since when it has no connection; null when it has one, as far as is known. */
  awayMs: number | null;
}

/** An agent of the original that is signed on. */
export interface SignedAgent extends SignedOn {
  /** It must sign on again until then: the heartbeat asked for it. */
  confirmByMs: number | null;
}

/**
 * The pool of agents of both dialects. Native agents are the registry's, and bound there while they work for a run of
 * the original, so that nobody is reserved twice.
 */
export class KnownAgents {
  readonly #registry: Registry;
  readonly #signed = new Map<string, SignedAgent>();
  readonly #works = new Map<string, Work>();
  readonly #contacts = new Map<string, Contact>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  signed(id: string): SignedAgent | undefined {
    return this.#signed.get(id);
  }
  allSigned(): readonly SignedAgent[] {
    return [...this.#signed.values()];
  }
  isNative(id: string): boolean {
    return this.#registry.get(id) !== undefined;
  }
  isKnown(id: string): boolean {
    return this.#signed.has(id) || this.#registry.isThere(id);
  }
  /** Agents of both dialects that are there, as `PING` and `LIST` give them. */
  listed(): readonly SignedOn[] {
    const native = this.#registry
      .all()
      .filter(({ lost }) => !lost)
      .map(({ id, hello: { pid, hostname } }) => ({ agent: id, pid, hostname }));
    return [...native, ...this.#signed.values()];
  }
  count(): number {
    return this.#signed.size + this.#registry.all().length;
  }

  signOn(info: SignedOn): void {
    this.#signed.set(info.agent, { ...info, confirmByMs: null });
  }
  /** @returns what it worked for. */
  signOff(id: string): Work | undefined {
    this.#signed.delete(id);
    this.#contacts.delete(id);
    return this.#works.get(id);
  }

  /** Whether it may be reserved. */
  isFree(id: string): boolean {
    if (this.#works.has(id)) return false;
    return this.#registry.get(id) === undefined ? this.#signed.has(id) : this.#registry.isFree(id);
  }
  /** Those that may be reserved, in a stable order. */
  free(): readonly string[] {
    const original = [...this.#signed.keys()].filter((id) => !this.#works.has(id) && !this.isNative(id));
    return [...this.#registry.free().map(({ id }) => id), ...original].sort();
  }

  work(id: string): Work | undefined {
    return this.#works.get(id);
  }
  works(): readonly (readonly [string, Work])[] {
    return [...this.#works];
  }
  begin(id: string, run: string | null, native: boolean, { since, nowMs }: { since: number; nowMs: number }): void {
    const stale = this.contact(id).asked.filter((atMs) => nowMs - atMs < UNANSWERED_MS).length;
    this.#works.set(id, { run, native, since, heardMs: null, begun: false, stale, stopping: false });
    if (native) this.#registry.bind(id, run);
  }
  end(id: string): Work | undefined {
    const work = this.#works.get(id);
    this.#works.delete(id);
    if (work?.native === true) this.#registry.unbind(id);
    return work;
  }

  contact(id: string): Contact {
    const known = this.#contacts.get(id);
    if (known !== undefined) return known;
    const made: Contact = { status: null, asked: [], awayMs: null };
    this.#contacts.set(id, made);
    return made;
  }
  /** The same without making one. */
  contactOf(id: string): Contact | undefined {
    return this.#contacts.get(id);
  }
  /** Drops what is kept about agents that are not there any more. */
  sweep(): void {
    for (const id of this.#contacts.keys()) if (!this.isKnown(id) && !this.#works.has(id)) this.#contacts.delete(id);
  }
}
