import {
  ClientMessage,
  decodeNative,
  encodeNative,
  type Frame,
  frontendAnswer,
  isNative,
  MusterError,
  readFrontend,
  unpackNative,
  type WireError,
} from '@muster/protocol';
import { askedId } from './asked-id.js';
import { type FurtherQuestion, type OriginalView, readOriginal } from './original-dialect.js';

/** What the frontend needs: a way out, and somebody who answers native questions. */
export interface FrontendPort {
  send(frames: Frame[]): void;
  /** Answers later by `reply` or `fail`; what it throws is answered as an error. */
  ask(route: string, message: ClientMessage): void;
  /** A question of the original; answers later. */
  askOriginal(route: string, question: FurtherQuestion): void;
  /** False when the client is one too many. */
  admits(route: string): boolean;
  /** Something came that could not even be answered. */
  dropped(why: string): void;
}

/** Questions of clients in both dialects: reads, hands on, answers in the dialect of the question. */
export class Frontend {
  readonly #port: FrontendPort;
  readonly #view: OriginalView;

  constructor(port: FrontendPort, view: OriginalView) {
    this.#port = port;
    this.#view = view;
  }

  receive(frames: readonly Frame[]): void {
    let route: string | undefined;
    try {
      const question = readFrontend(frames);
      route = question.route;
      if (isNative(question.payload)) this.#native(route, question.payload);
      else this.#original(route, question.payload);
    } catch (thrown) {
      this.#port.dropped(MusterError.from(thrown).message);
    }
  }

  #original(route: string, payload: Frame): void {
    const read = readOriginal(payload, this.#view);
    if ('answer' in read) this.answerOriginal(route, read.answer);
    else this.#port.askOriginal(route, read.question);
  }

  /** An answer in the dialect of the original. */
  answerOriginal(route: string, payload: Frame): void {
    this.#port.send(frontendAnswer(route, payload));
  }

  #native(route: string, payload: Frame): void {
    let message: ClientMessage;
    try {
      message = decodeNative(ClientMessage, payload);
    } catch (thrown) {
      const error = MusterError.from(thrown);
      const id = askedId(error);
      if (id === null) this.#port.dropped(error.message);
      else this.fail(route, id, misfit(payload, error));
      return;
    }
    try {
      if (!this.#port.admits(route))
        throw new MusterError('NOT_SUPPORTED', 'this broker has as many clients as it may', {
          hint: 'ask again later',
        });
      this.#port.ask(route, message);
    } catch (thrown) {
      this.fail(route, message.id, MusterError.from(thrown).toWire());
    }
  }

  reply(route: string, id: string, result: unknown): void {
    let answer: Frame;
    try {
      answer = encodeNative({ id, result: result ?? null });
    } catch (thrown) {
      this.fail(route, id, MusterError.from(thrown).toWire());
      return;
    }
    this.#port.send(frontendAnswer(route, answer));
  }

  fail(route: string, id: string, error: WireError): void {
    this.#port.send(frontendAnswer(route, encodeNative({ id, error })));
  }
}

const KNOWN: ReadonlySet<unknown> = new Set(ClientMessage.options.map((option) => option.shape.type.value));

/** What is wrong with a question: that nobody knows it, or what does not fit. */
const misfit = (payload: Frame, error: MusterError): WireError => {
  const plain = unpackNative(payload);
  const type = typeof plain === 'object' && plain !== null && 'type' in plain ? plain.type : undefined;
  if (KNOWN.has(type)) return { code: error.code, message: error.message };
  // What is no text may not even have one.
  const name = typeof type === 'string' ? type.slice(0, 40) : `of type ${typeof type}`;
  return new MusterError('UNKNOWN_COMMAND', `this broker knows no question "${name}"`).toWire();
};
