import type { VirtualTime } from './virtual-time.js';

/** The five that must always hold, and that runs end. */
export type Invariant =
  /** No slot is started twice by its intended start, so no second holds more than planned. */
  | 'slots'
  /** An agent works for at most one run, and only with a right to load that the controller granted. */
  | 'right'
  /** A batch that was sealed is stored exactly once, or the report names the gap. */
  | 'batches'
  /** A run reaches exactly one end, with one verdict. */
  | 'verdict'
  /** Nothing is answered, published or sent before what it rests on is saved; what is given out once is given out once. */
  | 'saved'
  /** Every run that was accepted ends. */
  | 'ends'
  /** Every message fits its schema. */
  | 'wire';

export interface Violation {
  readonly invariant: Invariant;
  readonly text: string;
  readonly atMs: number;
}

interface Granted {
  readonly run: string;
  readonly generation: number;
  readonly untilMs: number;
}

/** A start of an iteration that has a slot. */
export interface Start {
  readonly run: string;
  readonly agent: string;
  readonly worker: number;
  readonly slot: number;
  readonly generation: number;
  /** The broker's clock. */
  readonly brokerMs: number;
  /** The agent goes on by itself, because the broker's process is dead, and may do so by the run's options. */
  readonly orphaned: boolean;
}

/** How exactly two clocks of the simulated world can be compared. */
const ROUNDING_MS = 0.001;
const MAX_TRACE = 4_000;

/** What really happens, seen from outside; holds it against what must always hold. */
export class Truth {
  readonly #time: VirtualTime;
  readonly #tracing: boolean;
  readonly trace: string[] = [];
  violation: Violation | null = null;
  readonly #grants = new Map<string, Granted[]>();
  readonly #starts = new Map<string, Start>();
  readonly #startedBy = new Map<string, number>();
  readonly #claimed = new Map<string, Set<number>>();
  readonly #once = new Map<string, string>();
  readonly #ends = new Map<string, string>();

  constructor(time: VirtualTime, tracing: boolean) {
    this.#time = time;
    this.#tracing = tracing;
  }

  note(text: () => string): void {
    if (!this.#tracing) return;
    this.trace.push(`${this.#time.nowMs.toFixed(2).padStart(10)} ${text()}`);
    if (this.trace.length > MAX_TRACE) this.trace.splice(0, MAX_TRACE / 4);
  }

  fail(invariant: Invariant, text: string): void {
    this.note(() => `!! ${invariant}: ${text}`);
    this.violation ??= { invariant, text, atMs: this.#time.nowMs };
  }

  /** The controller grants an agent the right to load. */
  granted(agent: string, grant: Granted): void {
    const known = this.#grants.get(agent) ?? [];
    this.#grants.set(agent, known);
    const same = known.findIndex((each) => each.run === grant.run && each.generation === grant.generation);
    if (same < 0) known.push(grant);
    else if ((known[same]?.untilMs ?? 0) < grant.untilMs) known[same] = grant;
  }

  started(start: Start): void {
    const { run, agent, worker, slot, generation, brokerMs, orphaned } = start;
    const key = `${run}#${slot}`;
    const before = this.#starts.get(key);
    if (before !== undefined) {
      const both = `${before.agent}/${before.worker} (plan ${before.generation}) and ${agent}/${worker} (plan ${generation})`;
      this.fail('slots', `slot ${slot} of run ${run} was started by ${both}`);
      return;
    }
    this.#starts.set(key, start);
    const by = `${run} ${agent} ${worker}`;
    this.#startedBy.set(by, (this.#startedBy.get(by) ?? 0) + 1);
    if (orphaned) return;
    const granted = (this.#grants.get(agent) ?? []).filter((each) => each.run === run);
    const latest = Math.max(0, ...granted.flatMap((each) => (each.generation >= generation ? [each.untilMs] : [])));
    if (brokerMs > latest + ROUNDING_MS)
      this.fail(
        'right',
        `${agent}/${worker} started slot ${slot} of plan ${generation} at ${brokerMs}, granted until ${latest}`,
      );
  }

  /** Every slot of a run that was really started. */
  *startsOf(run: string): Iterable<Start> {
    for (const start of this.#starts.values()) if (start.run === run) yield start;
  }
  /** How many slots a worker really started. */
  startedBy(run: string, agent: string, worker: number): number {
    return this.#startedBy.get(`${run} ${agent} ${worker}`) ?? 0;
  }

  /** A worker was given part of something that nobody may be given twice. */
  claimed(run: string, name: string, from: number, count: number): void {
    const key = `${run} ${name}`;
    const given = this.#claimed.get(key) ?? new Set();
    this.#claimed.set(key, given);
    for (let index = from; index < from + count; index += 1) {
      if (given.has(index)) this.fail('saved', `${index} of "${name}" of run ${run} was given out twice`);
      given.add(index);
    }
  }

  /** Somebody got a value of which there is one for the whole run. */
  got(run: string, name: string, value: unknown): void {
    const key = `${run} ${name}`;
    const text = JSON.stringify(value) ?? 'undefined';
    const before = this.#once.get(key);
    if (before === undefined) this.#once.set(key, text);
    else if (before !== text) this.fail('saved', `"${name}" of run ${run} is ${before} to one and ${text} to another`);
  }

  /** Somebody is told how a run ended. */
  ended(run: string, verdict: string | null, exitCode: number | null, reason: string | null): void {
    const end = `${verdict} ${exitCode} (${reason})`;
    const before = this.#ends.get(run);
    if (verdict === null) this.fail('verdict', `run ${run} ended without a verdict`);
    else if (before === undefined) this.#ends.set(run, end);
    else if (before !== end) this.fail('verdict', `run ${run} ended as ${before}, and then as ${end}`);
  }
}
