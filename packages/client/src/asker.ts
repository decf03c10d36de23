import { randomBytes } from 'node:crypto';
import {
  BOUNDS,
  type ClientQuestion,
  ClientReply,
  clientQuestion,
  decodeNative,
  decodeOriginal,
  encodeNative,
  type Frame,
  isNative,
  MusterError,
  OriginalAnswer,
  readClientAnswer,
  TIMES,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { aborted, type CallOptions, firstAborted, onAbort } from './give-up.js';

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
/** A question before it has its id. */
export type Question = Without<ClientQuestion, 'id' | 'token'>;

/** Turns a result into what the caller wants; throws what does not fit. A schema's `parse` is one. */
export type Reader<T> = (result: unknown) => T;

export interface AskerOptions {
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly token: string | undefined;
  /** Gives up everything that is asked. */
  readonly signal: AbortSignal | undefined;
}

type Settle = (outcome: { readonly result: unknown } | { readonly error: MusterError }) => void;

/** The answer to a greeting, which is text in both dialects and has no id. */
const GREETING = '';

/**
 * Questions and answers on one socket, any number in flight. A question that stays without an answer is asked again
 * under the same id until its time is over; the broker does nothing twice for an id.
 */
export class Asker {
  readonly #options: AskerOptions;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Settle>();
  readonly #prefix = randomBytes(9).toString('base64url');
  #asked = 0;
  #closed = false;

  constructor(options: AskerOptions) {
    this.#options = options;
    this.#socket = openSocket('dealer', {
      onMessage: (frames) => this.#receive(frames),
      onFault: (fault) => this.#unreadable(fault),
    });
    this.#socket.connect(options.endpoint);
  }

  get endpoint(): string {
    return this.#options.endpoint;
  }

  /** Questions that wait for an answer. */
  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Asks in the native dialect. */
  ask<T>(question: Question, read: Reader<T>, options: CallOptions = {}): Promise<T> {
    this.#asked += 1;
    const id = `${this.#prefix}-${this.#asked}`;
    const { token } = this.#options;
    const message = { ...question, id, ...(token === undefined ? {} : { token }) };
    return this.#exchange(id, question.type, () => encodeNative(message), read, {
      repeatMs: TIMES.silenceMs,
      ...options,
    });
  }

  /** Asks in text, before it is known which dialects the broker speaks. One at a time. */
  greet<T>(payload: Frame, read: Reader<T>, options: CallOptions & { readonly repeatMs: number }): Promise<T> {
    return this.#exchange(GREETING, 'ping', () => payload, read, options);
  }

  async #exchange<T>(
    id: string,
    what: string,
    encode: () => Frame,
    read: Reader<T>,
    options: CallOptions & { readonly repeatMs: number },
  ): Promise<T> {
    if (this.#closed) throw closed(what);
    const signals = [this.#options.signal, options.signal];
    const gone = firstAborted(signals);
    if (gone !== undefined) throw aborted(`"${what}"`, gone);
    const payload = encode();
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const send = () => this.#socket.send(clientQuestion(payload));
    const ends: (() => void)[] = [() => this.#waiting.delete(id)];
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.result)));
        const repeat = setInterval(send, options.repeatMs);
        const late = setTimeout(() => {
          if (id !== GREETING) this.#cancel(id);
          reject(this.#late(what, timeoutMs));
        }, timeoutMs);
        ends.push(
          () => clearInterval(repeat),
          () => clearTimeout(late),
        );
        ends.push(
          onAbort(signals, (signal) => {
            if (id !== GREETING) this.#cancel(id);
            reject(aborted(`"${what}"`, signal));
          }),
        );
        send();
      });
      return fitting(what, read, result);
    } finally {
      for (const end of ends) end();
    }
  }

  /** Tells the broker that nobody waits any more. */
  #cancel(request: string): void {
    this.#socket.send(clientQuestion(encodeNative({ type: 'cancel', id: `${request}-c`, request })));
  }

  #late(what: string, timeoutMs: number): MusterError {
    return new MusterError('TIMEOUT', `the broker at ${this.endpoint} did not answer "${what}" within ${timeoutMs} ms`);
  }

  #receive(frames: readonly Frame[]): void {
    const payload = readClientAnswer(frames);
    if (!isNative(payload)) {
      this.#waiting.get(GREETING)?.({ result: decodeOriginal(OriginalAnswer, payload, BOUNDS.answerBytes) });
      return;
    }
    const { id, result, error } = decodeNative(ClientReply, payload, BOUNDS.answerBytes);
    this.#waiting.get(id)?.(error === undefined ? { result } : { error: MusterError.fromWire(error) });
  }

  /** An answer that does not fit fails its question, if it says which; else that is asked again. */
  #unreadable(error: MusterError): void {
    const id = (error.details as { readonly id?: string } | undefined)?.id;
    if (id !== undefined) this.#waiting.get(id)?.({ error });
  }

  /** Ends every question in flight with `CLOSED`. What waits to be sent may leave for `lingerMs`. */
  async close(lingerMs?: number): Promise<void> {
    this.#closed = true;
    for (const settle of this.#waiting.values()) settle({ error: closed('a question') });
    await this.#socket.close(lingerMs);
  }
}

const closed = (what: string): MusterError =>
  new MusterError('CLOSED', `${what} was asked on a connection that is closed`);

const fitting = <T>(what: string, read: Reader<T>, result: unknown): T => {
  try {
    return read(result);
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw new MusterError('BAD_MESSAGE', `the broker's answer to "${what}" does not fit: ${(cause as Error).message}`, {
      cause,
      hint: 'install the same release of Muster on both',
    });
  }
};
