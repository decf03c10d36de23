import { BOUNDS, decodeOriginal, encodeOriginal, MusterError, OriginalAnswer } from '@muster/protocol';
import type { Reader } from '../asker.js';
import type { CallOptions } from '../give-up.js';
import type { LaneCall } from './lane.js';
import { LanePool } from './lane-pool.js';
import { originalFault } from './original-error.js';

/** A question of the original: its command and the fields that belong to it. */
export interface Command {
  readonly command: string;
  readonly [field: string]: unknown;
}

/** What is special about a question. */
export interface Manner extends CallOptions {
  /** Asking twice could do something twice: it is not asked again on another connection. */
  readonly once?: boolean;
  /** The broker may answer twice: the connection is not used again. */
  readonly spoils?: boolean;
}

export interface OriginalAskerOptions {
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly connections: number;
  /** After so long without an answer, then twice as long and so on, a reading question is asked on another connection. */
  readonly askAgainMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Questions and answers in JSON, over a pool of connections. A question that was on its way when the broker died is
 * never answered, and a connection says nothing of it; so one that only reads is asked again, ever more patiently.
 */
export class OriginalAsker {
  readonly #options: OriginalAskerOptions;
  readonly #pool: LanePool;

  constructor(options: OriginalAskerOptions) {
    this.#options = options;
    this.#pool = new LanePool(options.endpoint, options.connections);
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pool.size;
  }

  async ask<T>(question: Command, read: Reader<T>, manner: Manner = {}): Promise<T> {
    const payload = encodeOriginal(question);
    if (payload.byteLength > BOUNDS.originalRunBytes) {
      throw new MusterError('MESSAGE_TOO_LARGE', `"${question.command}" has ${payload.byteLength} bytes`, {
        hint: `a message may have ${BOUNDS.originalRunBytes} bytes: leave out files`,
      });
    }
    const timeoutMs = manner.timeoutMs ?? this.#options.timeoutMs;
    const signals = [this.#options.signal, manner.signal];
    const untilMs = performance.now() + timeoutMs;
    let patienceMs = manner.once === true ? timeoutMs : this.#options.askAgainMs;
    for (;;) {
      const leftMs = Math.max(untilMs - performance.now(), 1);
      const last = leftMs < 2 * patienceMs;
      const call = { what: question.command, timeoutMs: last ? leftMs : patienceMs, signals };
      try {
        return readAnswer(question.command, await this.#exchange(payload, call, manner.spoils === true), read);
      } catch (thrown) {
        const late = thrown instanceof MusterError && thrown.code === 'TIMEOUT';
        if (late && last) throw this.#late(question.command, timeoutMs, manner);
        if (!late) throw thrown;
      }
      patienceMs *= 2;
    }
  }

  #late(what: string, timeoutMs: number, { once }: Manner): MusterError {
    const text = `the broker at ${this.#options.endpoint} did not answer "${what}" within ${timeoutMs} ms`;
    return new MusterError('TIMEOUT', text, once === true ? { hint: 'it may have done what was asked: look' } : {});
  }

  /** Says what is never answered. */
  async tell(question: Command, options: CallOptions): Promise<void> {
    const signals = [this.#options.signal, options.signal];
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const lane = await this.#pool.take({ what: question.command, timeoutMs, signals });
    lane.tell(encodeOriginal(question));
    this.#pool.give(lane, true);
  }

  async #exchange(payload: Buffer, call: LaneCall, spoils: boolean): Promise<Buffer> {
    const lane = await this.#pool.take(call);
    try {
      return await lane.exchange(payload, call);
    } finally {
      this.#pool.give(lane, spoils);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

const readAnswer = <T>(what: string, payload: Buffer, read: Reader<T>): T => {
  const answer = decodeOriginal(OriginalAnswer, payload, BOUNDS.answerBytes);
  const { error } = answer as { readonly error?: string | readonly string[] };
  if (error !== undefined) throw originalFault(error, what);
  try {
    return read(answer.result);
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw new MusterError('BAD_MESSAGE', `the broker's answer to "${what}" does not fit: ${(cause as Error).message}`, {
      cause,
    });
  }
};
