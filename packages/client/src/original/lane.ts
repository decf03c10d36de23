import { BOUNDS, clientQuestion, type Frame, MusterError, readClientAnswer } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { aborted, firstAborted, onAbort } from '../give-up.js';

/** How one question is asked. */
export interface LaneCall {
  /** The command, for errors. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signals: readonly (AbortSignal | undefined)[];
}

interface Waiting {
  readonly resolve: (payload: Frame) => void;
  readonly reject: (error: MusterError) => void;
}

/**
 * One socket, one question at a time: answers of the original carry no id, so a late one would be taken for the next.
 * Whatever goes wrong breaks the lane for good, and its owner opens another.
 */
export class Lane {
  readonly endpoint: string;
  readonly #socket: Socket;
  #waiting: Waiting | null = null;
  #broken: MusterError | null = null;
  #told = false;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
    this.#socket = openSocket('dealer', {
      maxMessageBytes: BOUNDS.answerBytes,
      // Brokers of the original may stand on a zeromq that takes a sign of life for a fault.
      heartbeatMs: 0,
      onMessage: (frames) => this.#receive(frames),
      onFault: (fault) => this.#break(fault),
    });
    this.#socket.connect(endpoint);
  }

  /** True when nothing more may be asked here. */
  get broken(): boolean {
    return this.#broken !== null;
  }

  /** Sends a question; the answer is its bytes. @throws MusterError `TIMEOUT`, `ABORTED`, `CLOSED` */
  async exchange(payload: Frame, call: LaneCall): Promise<Frame> {
    const gone = firstAborted(call.signals);
    if (gone !== undefined) throw aborted(`"${call.what}"`, gone);
    const ends: (() => void)[] = [];
    try {
      return await new Promise<Frame>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        if (this.#broken !== null) reject(this.#broken);
        const late = setTimeout(() => this.#break(lateError(this.endpoint, call)), call.timeoutMs);
        ends.push(
          () => clearTimeout(late),
          onAbort(call.signals, (signal) => this.#break(aborted(`"${call.what}"`, signal))),
        );
        this.#socket.send(clientQuestion(payload));
      });
    } finally {
      this.#waiting = null;
      for (const end of ends) end();
    }
  }

  /** Sends what is never answered, and leaves it time to go. */
  tell(payload: Frame): void {
    this.#told = true;
    this.#socket.send(clientQuestion(payload));
  }

  #receive(frames: readonly Frame[]): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    // A second answer to one question, as the original gives to `CTRL_RUN`: what comes next would be off by one.
    if (waiting === null) this.#broken ??= new MusterError('BAD_MESSAGE', 'an answer came that nobody asked for');
    waiting?.resolve(readClientAnswer(frames));
  }

  #break(error: MusterError): void {
    this.#broken ??= error;
    this.#waiting?.reject(error);
  }

  close(): Promise<void> {
    this.#break(new MusterError('CLOSED', `the connection to ${this.endpoint} was closed`));
    // A question that nobody waits for need not arrive.
    return this.#told ? this.#socket.close() : this.#socket.close(0);
  }
}

const lateError = (endpoint: string, { what, timeoutMs }: LaneCall): MusterError =>
  new MusterError('TIMEOUT', `the broker at ${endpoint} did not answer "${what}" within ${Math.round(timeoutMs)} ms`);
