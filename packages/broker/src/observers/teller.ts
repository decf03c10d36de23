import { MusterError } from '@muster/protocol';
import type { Journal } from '../journal/journal.js';
import type { Logger } from '../log.js';
import type { ObserverChoice, ObserverOutcome } from './observer.js';
import type { ObserverBook, ReadyObserver } from './observer-book.js';
import type { RunEnd } from './run-end.js';
import { type TellTimes, tellObserver } from './tell-observer.js';

/** Observers that are to be told of a run. Plain data, kept until they were. */
export interface Owed {
  readonly run: string;
  readonly dialect: RunEnd['dialect'];
  /** Those that were not told yet. */
  readonly choice: ObserverChoice;
  /** Those that were. */
  readonly outcomes: readonly KeptOutcome[];
  /** What they are told; null: what the run's summary says. */
  readonly end: RunEnd | null;
}

export interface KeptOutcome extends ObserverOutcome {
  /** When, as ISO text. */
  readonly at: string;
}

export interface TellerPort {
  readonly book: ObserverBook;
  readonly journal: Pick<Journal, 'save'>;
  readonly log: Logger;
  readonly times: TellTimes;
  /** Milliseconds since 1970. */
  now(): number;
  /** Of a run whose end is not among what is kept. Null: nothing is known of it. */
  endOf(run: string): Promise<RunEnd | null>;
  /** Keeps with the run how an observer fared; `all` are the run's so far, this one the last. */
  record(owed: Owed, outcome: KeptOutcome, all: readonly KeptOutcome[]): Promise<void>;
}

const KEY = 'observers/';

/**
 * Tells observers of ends of runs, beside everything else that the broker does. What it owes is on disk before a run is
 * over for the controller, and goes away observer by observer as outcomes are kept: after a crash the others are told at
 * the next start, and one that was just being told may be told twice.
 */
export class Teller {
  readonly #port: TellerPort;
  readonly #owed = new Map<string, Owed>();
  readonly #telling = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  /** Runs that an earlier broker owed: their end may come up once more, and is known. */
  readonly #inherited: ReadonlySet<string>;

  constructor(port: TellerPort, saved: Readonly<Record<string, unknown>> = {}) {
    this.#port = port;
    for (const [key, value] of Object.entries(saved))
      if (key.startsWith(KEY)) this.#owed.set(key.slice(KEY.length), value as Owed);
    this.#inherited = new Set(this.#owed.keys());
  }

  /** What is to be done first after a start. */
  begin(): void {
    for (const run of this.#inherited) this.tell(run);
  }

  /**
   * Resolves when it is on disk that these observers are to be told; `tell` begins. A run that comes a second time, as
   * after a crash, is known already.
   */
  async owe(owed: Pick<Owed, 'run' | 'dialect' | 'choice' | 'end'>): Promise<void> {
    const { run, choice } = owed;
    if (choice.names.length === 0 || this.#owed.has(run) || this.#inherited.has(run)) return;
    const whole: Owed = { ...owed, outcomes: [] };
    this.#owed.set(run, whole);
    await this.#port.journal.save({ key: `${KEY}${run}`, value: whole });
  }

  /** Begins to tell those that are owed. */
  tell(run: string): void {
    const owed = this.#owed.get(run);
    if (owed === undefined || this.#telling.has(run)) return;
    const done = this.#tellAll(owed)
      .catch((err) => this.#port.log.error({ err, run }, 'observers could not be told'))
      .finally(() => this.#telling.delete(run));
    this.#telling.set(run, done);
  }

  /** Nothing is tried a second time from now on: the next broker does. */
  close(): void {
    this.#closing.abort();
  }

  /** Resolves when nothing is being told. */
  async settled(): Promise<void> {
    while (this.#telling.size > 0) await Promise.all(this.#telling.values());
  }

  async #tellAll(owed: Owed): Promise<void> {
    const { run, choice } = owed;
    const { log, times } = this.#port;
    const end = owed.end ?? (await this.#port.endOf(run));
    const ends = choice.names.map(async (name): Promise<void> => {
      const ready = this.#readyOf(owed, name);
      if (ready === null) return;
      const outcome =
        end === null || typeof ready === 'string'
          ? { name, ok: false, text: `not told: ${typeof ready === 'string' ? ready : 'nothing is known of the run'}` }
          : await tellObserver(ready, end, { log, times, closing: this.#closing.signal });
      if (outcome !== null) await this.#told(run, name, outcome);
    });
    await Promise.all(ends);
  }

  /** Null: it stands under another name too, and is told there. Text: why it can't be had any more. */
  #readyOf({ choice }: Owed, name: string): ReadyObserver | string | null {
    const { book } = this.#port;
    const observer = book.find(name);
    if (observer !== undefined && choice.names.find((each) => book.find(each) === observer) !== name) return null;
    const options = Object.fromEntries(
      Object.entries(choice.options).filter(([each]) => observer !== undefined && book.find(each) === observer),
    );
    try {
      const [ready = null] = book.ready({ names: [name], options });
      return ready;
    } catch (thrown) {
      return MusterError.from(thrown).message;
    }
  }

  async #told(run: string, name: string, outcome: ObserverOutcome): Promise<void> {
    const { book, journal, log } = this.#port;
    const before = this.#owed.get(run);
    if (before === undefined) return;
    const kept: KeptOutcome = { ...outcome, at: new Date(this.#port.now()).toISOString() };
    const outcomes = [...before.outcomes, kept];
    const isDone = (each: string): boolean =>
      each === name || (book.find(each) !== undefined && book.find(each) === book.find(name));
    const names = before.choice.names.filter((each) => !isDone(each));
    const after: Owed = { ...before, choice: { ...before.choice, names }, outcomes };
    this.#owed.set(run, after);
    if (!outcome.ok) log.warn({ run, observer: outcome.name }, `an observer failed: ${outcome.text}`);
    await this.#port.record(after, kept, outcomes);
    const key = `${KEY}${run}`;
    const latest = this.#owed.get(run);
    if (latest === undefined) return;
    const isOver = latest.choice.names.length === 0;
    if (isOver) this.#owed.delete(run);
    await journal.save({ key, value: isOver ? undefined : latest });
  }
}
