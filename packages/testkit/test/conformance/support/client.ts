import * as zmq from 'zeromq';

/** What JSON gave. */
export type Plain = Record<string, unknown>;

/** A client as the original has it: a REQ and JSON. It gets one answer to a question, or the next one is out of step. */
export class Client {
  readonly #socket = new zmq.Request({ linger: 0, receiveTimeout: 15_000 });
  #before: Promise<unknown> = Promise.resolve();

  constructor(frontend: string) {
    this.#socket.connect(frontend);
  }

  /** Sends text as it is, and gives the one frame that comes back. One question after the other. */
  async text(body: string | Buffer | (string | Buffer)[]): Promise<string> {
    const answer = this.#before.then(() => this.#exchange(body));
    this.#before = answer.catch(() => undefined);
    return await answer;
  }
  async #exchange(body: string | Buffer | (string | Buffer)[]): Promise<string> {
    await this.#socket.send(body);
    const frames = await this.#socket.receive();
    if (frames.length !== 1) throw new Error(`${frames.length} frames came back`);
    return String(frames[0]);
  }
  /** The whole answer to a command. */
  async ask(command: string, fields: object = {}): Promise<Plain> {
    return JSON.parse(await this.text(JSON.stringify({ command, ...fields }))) as Plain;
  }
  async say(text: string | Buffer | (string | Buffer)[]): Promise<Plain> {
    return JSON.parse(await this.text(text)) as Plain;
  }
  /** The result of a command that is not to fail. */
  async result<T = Plain>(command: string, fields: object = {}): Promise<T> {
    const answer = await this.ask(command, fields);
    if (!('result' in answer)) throw new Error(`${command}: ${JSON.stringify(answer)}`);
    return answer.result as T;
  }
  close(): void {
    this.#socket.close();
  }
}

/** A client with a DEALER: it sees each answer and everything that comes without a question. */
export class FreeClient {
  readonly #socket = new zmq.Dealer({ linger: 0, receiveTimeout: 15_000 });

  constructor(frontend: string) {
    this.#socket.connect(frontend);
  }

  async send(...frames: (string | Buffer)[]): Promise<void> {
    await this.#socket.send(frames);
  }
  async receive(): Promise<Buffer[]> {
    return await this.#socket.receive();
  }
  /** One answer behind its empty frame. */
  async answer(): Promise<Plain> {
    const [gap, body, ...more] = await this.#socket.receive();
    if (gap?.byteLength !== 0 || more.length > 0) throw new Error('an answer is not an empty frame and a body');
    return JSON.parse(String(body)) as Plain;
  }
  /** Everything that is answered to a question until the broker has answered another one behind it. */
  async answersTo(command: string, fields: object = {}): Promise<Plain[]> {
    await this.send('', JSON.stringify({ command, ...fields }));
    const answers = [await this.answer()];
    await this.send('', JSON.stringify({ command: 'PING' }));
    for (;;) {
      const answer = await this.answer();
      if (isPong(answer)) return answers;
      answers.push(answer);
    }
  }
  close(): void {
    this.#socket.close();
  }
}

const isPong = ({ result }: Plain): boolean => typeof result === 'object' && result !== null && 'endpoints' in result;
