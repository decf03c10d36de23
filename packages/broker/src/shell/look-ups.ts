import { type ClientMessage, MusterError, type RunInfo } from '@muster/protocol';
import { type LookUpPort, lookUp } from './look-up.js';

export interface LookUpsPort extends LookUpPort {
  /** How long one may take. */
  readonly queryMs: number;
  reply(client: string, id: string, result: unknown): void;
  fail(client: string, id: string, error: MusterError): void;
}

/** Questions that the store is asked: each is answered once, in its time, unless its client gives it up. */
export class LookUps {
  readonly #port: LookUpsPort;
  readonly #underWay = new Map<string, AbortController>();

  constructor(port: LookUpsPort) {
    this.#port = port;
  }

  /** Resolves when the question is answered or given up. One that is asked again meanwhile is not looked up again. */
  async begin(client: string, message: ClientMessage, live: readonly RunInfo[]): Promise<void> {
    const key = keyOf(client, message.id);
    if (this.#underWay.has(key)) return;
    const ending = new AbortController();
    this.#underWay.set(key, ending);
    const { queryMs } = this.#port;
    const late = setTimeout(() => ending.abort(tooLate(message.type, queryMs)), queryMs);
    try {
      const result = await settledBy(lookUp(message, live, this.#port, ending.signal), ending.signal);
      this.#port.reply(client, message.id, result);
    } catch (thrown) {
      if (thrown !== GIVEN_UP) this.#port.fail(client, message.id, MusterError.from(thrown));
    } finally {
      clearTimeout(late);
      this.#underWay.delete(key);
    }
  }

  /** The client does not wait any more: there is no answer. */
  giveUp(client: string, id: string): void {
    this.#underWay.get(keyOf(client, id))?.abort(GIVEN_UP);
  }
}

const GIVEN_UP = new MusterError('ABORTED', 'the question was given up by its client');

const keyOf = (client: string, id: string): string => `${client} ${id}`;

const tooLate = (what: string, ms: number): MusterError =>
  new MusterError('TIMEOUT', `"${what}" took longer than ${ms} ms`, { hint: 'ask for fewer rows at once' });

/** The work's outcome, or the signal's reason if that comes first: a store that hangs must not hold an answer back. */
const settledBy = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
