import {
  type AgentId,
  BOUNDS,
  type EndPayload,
  encodeNative,
  type RunId,
  type StreamTail,
  streamId,
} from '@muster/protocol';
import type { Streams } from '../outbox/streams.js';
import { fitSamples, thinSamples } from '../outbox/thin-samples.js';
import type { Outcome } from './run-state.js';
import type { Turn } from './turn.js';

/** A batch of the receiver may be so large, less what its header takes. */
const MAX_PAYLOAD_BYTES = BOUNDS.resultBytes - 4_096;
const MAX_GAPS = 1_000;

/** The results of one run on this agent: one stream, opened with the first plan that has a start, closed by `end`. */
export class RunStream {
  readonly #streams: Streams;
  readonly #run: RunId;
  readonly #agent: AgentId;
  readonly #id: ReturnType<typeof streamId>;
  #opened = false;
  #thinning = false;
  #gaps: EndPayload['gaps'] = [];

  constructor(streams: Streams, run: RunId, agent: AgentId, boot: string) {
    this.#streams = streams;
    this.#run = run;
    this.#agent = agent;
    this.#id = streamId(boot, run);
  }

  get isOpen(): boolean {
    return this.#opened && !this.#streams.isClosed(this.#id);
  }
  /** Everything that was given would survive a crash. */
  get isSafe(): boolean {
    return this.#streams.isSafe(this.#id);
  }
  get tails(): StreamTail[] {
    return this.#opened ? [this.#tail] : [];
  }
  #last = -1;
  get #tail(): StreamTail {
    this.#last = this.#streams.tailOf(this.#id)?.last ?? this.#last;
    return { stream: this.#id, last: this.#last };
  }

  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#streams.open(this.#id);
  }

  /** A second that a worker sealed, and its raw rows: thinned when the outbox is nearly full. */
  window(turn: Turn, worker: number, window: Uint8Array, samples: Uint8Array | undefined): void {
    if (!this.isOpen) {
      turn.log('warn', `worker ${worker} sealed a second after the end of its stream: not kept`);
      return;
    }
    this.#append(turn, 'window', worker, window, false);
    if (samples === undefined) return;
    const { keepOneIn } = this.#streams;
    this.#noteThinning(turn, keepOneIn !== 1);
    const thinned = keepOneIn === null ? null : thinSamples(samples, keepOneIn);
    const kept = thinned === null ? null : fitSamples(thinned, MAX_PAYLOAD_BYTES);
    if (kept !== null) this.#append(turn, 'samples', worker, kept, false);
  }

  #noteThinning(turn: Turn, thinning: boolean): void {
    if (thinning === this.#thinning) return;
    this.#thinning = thinning;
    turn.log(
      'warn',
      thinning
        ? 'the outbox fills up: from now on not all raw rows are kept'
        : 'there is room in the outbox again: all raw rows are kept',
    );
  }

  /** A worker died: what it had not sealed is lost. */
  gap(worker: number, fromMs: number, toMs: number, why: string): void {
    if (this.#gaps.length < MAX_GAPS)
      this.#gaps = [...this.#gaps, { worker, fromMs, toMs: Math.max(fromMs, toMs), why: why.slice(0, 16_384) }];
  }

  /** The stream's last batch. */
  close(turn: Turn, outcome: Outcome): void {
    if (!this.isOpen) return;
    const end: EndPayload = { outcome, gaps: this.#gaps };
    this.#append(turn, 'end', 0, encodeNative(end), true);
    this.#last = this.#tail.last;
  }

  #append(turn: Turn, kind: 'window' | 'samples' | 'end', worker: number, payload: Uint8Array, last: boolean): void {
    const batch = { kind, run: this.#run, agent: this.#agent, worker, last, payload };
    this.#streams.append(turn, this.#id, batch);
  }
}
