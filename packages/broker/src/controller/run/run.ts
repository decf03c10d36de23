import type { AgentId, AgentMessage, Progress, RunState } from '@muster/protocol';
import type { KnownAgent } from '../agents/registry.js';
import type { ResolvedConfig } from '../controller-config.js';
import type { RunNews } from '../events.js';
import type { AgentAnswer } from '../primitives/answers.js';
import { Primitives } from '../primitives/primitives.js';
import { type Member, type RunRecord, streamOf } from '../run-record.js';
import type { Turn } from '../turn.js';
import { Grants } from './grants.js';
import { ordersFor } from './orders.js';
import { after, type Happening, stateOf } from './run-life.js';

export type Prepared = Extract<AgentMessage, { type: 'prepared' }>;
/** A custom metric, and the member that was the first to declare it. */
export interface DeclaredBy {
  readonly metric: Prepared['metrics'][number];
  readonly agent: string;
}
export type Level = 'info' | 'warn' | 'error';
type Note = Omit<Extract<RunNews, { kind: 'note' }>, 'kind' | 'run' | 'number'>;

/** What a run uses of the controller that it belongs to. */
export interface RunPort {
  readonly config: ResolvedConfig;
  /** An agent that has signed on. */
  agent(id: string): KnownAgent | undefined;
}

/** The latest notes, for whoever attaches later. */
const MAX_NOTES = 200;
/** Lines of a run's history; further ones are published and not kept. */
const MAX_EVENTS = 1_000;
/** Numbers of published events are saved in blocks: after a restart a new block begins, and watchers see a gap. */
const NUMBERS = 1_000;

/**
 * A run at work: its record, which only changes by being replaced here, and what need not survive a restart. What is
 * done with it stands in the files beside this one.
 */
export class Run {
  readonly port: RunPort;
  readonly grants: Grants;
  readonly primitives: Primitives;
  #record: RunRecord;
  /** Until when what it waits for may take, on the broker's clock. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** When the load was over, on the clock of this process. */
  settlingSinceMs: number | null = null;
  /** When members were last told what they have not confirmed. */
  toldMs = Number.NEGATIVE_INFINITY;
  /** What the elected member found in the bundle. */
  prepared: Prepared | null = null;
  /** The custom metrics that members have declared, by name. */
  readonly declared = new Map<string, DeclaredBy>();
  lastProgress: Progress | null = null;
  notes: readonly Note[] = [];

  constructor(record: RunRecord, port: RunPort) {
    this.#record = record;
    this.port = port;
    this.grants = new Grants(port.config.leaseMs);
    this.primitives = new Primitives(this);
  }

  get record(): RunRecord {
    return this.#record;
  }
  get id(): RunRecord['id'] {
    return this.#record.id;
  }

  set(change: Partial<RunRecord>): void {
    this.#record = { ...this.#record, ...change };
  }

  /** Goes on to the next step if the run's life allows it; the rest of the change is made only then. */
  go(happening: Happening, change: Partial<RunRecord> = {}): boolean {
    const step = after(this.#record.step, happening);
    if (step === null) return false;
    this.set({ ...change, step, state: stateOf(step) });
    return true;
  }

  member(id: string): Member | undefined {
    return this.#record.members.find((member) => member.id === id);
  }
  memberOfStream(stream: string): Member | undefined {
    return this.#record.members.find((member) => streamOf(member, this.#record) === stream);
  }
  setMember(id: string, change: Partial<Member>): void {
    this.set({
      members: this.#record.members.map((member) => (member.id === id ? { ...member, ...change } : member)),
    });
  }

  /** The run's clock. */
  runMs(turn: Turn): number {
    const { startAtMs } = this.#record;
    return startAtMs === null ? 0 : Math.max(0, Math.round(turn.nowMs - startAtMs));
  }

  /** A line of the run's history, for the summary. */
  event(
    turn: Turn,
    kind: string,
    text: string,
    more: { readonly generation?: number; readonly agent?: AgentId } = {},
  ): void {
    const { events } = this.#record;
    if (events.length < MAX_EVENTS)
      this.set({ events: [...events, { at: turn.iso, atMs: this.runMs(turn), kind, ...more, text }] });
  }

  publishState(turn: Turn, text: string, state: RunState = this.#record.state): void {
    this.#publish(turn, { kind: 'state', run: this.id, number: this.#nextNumber(), state, text });
  }

  /** A line for people who follow the run. */
  note(turn: Turn, level: Level, text: string): void {
    const note = { atMs: this.runMs(turn), level, text };
    this.notes = [...this.notes.slice(1 - MAX_NOTES), note];
    this.#publish(turn, { kind: 'note', run: this.id, number: this.#nextNumber(), ...note });
  }

  publishProgress(turn: Turn, progress: Omit<Progress, 'number'>): void {
    this.lastProgress = { ...progress, number: this.#nextNumber() };
    this.#publish(turn, {
      kind: 'progress',
      run: this.id,
      number: this.lastProgress.number,
      progress: this.lastProgress,
    });
  }

  #publish(turn: Turn, event: RunNews): void {
    turn.do({ type: 'publish', run: this.id, event });
  }

  #nextNumber(): number {
    const number = this.#record.number + 1;
    this.set({ number, ...(number > this.#record.numbersUpTo ? { numbersUpTo: number + NUMBERS } : {}) });
    return number;
  }

  /** Says to a member everything that it has not confirmed. */
  tell(turn: Turn, member: Member): void {
    for (const order of ordersFor(this.#record, member)) turn.send(member.id, order);
  }
  tellAll(turn: Turn): void {
    this.toldMs = turn.nowMs;
    for (const member of this.#record.members) if (this.isThere(member)) this.tell(turn, member);
  }
  /** Signed on, and heard of lately. */
  isThere(member: Member): boolean {
    return this.port.agent(member.id)?.lost === false;
  }

  answer(turn: Turn, answers: readonly AgentAnswer[]): void {
    for (const { agent, message } of answers) turn.send(agent, message);
  }
}
