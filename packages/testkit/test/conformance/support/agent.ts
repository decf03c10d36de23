import * as zmq from 'zeromq';
import type { Plain } from './client.js';
import { until } from './wait.js';

/** What an agent was told: all frames as its ROUTER reads them, and the body. */
export interface Told {
  readonly frames: readonly Buffer[];
  readonly text: string;
  readonly body: Plain;
}

/** What a broker tells in its answer to `PING`. */
export type Places = Readonly<Record<string, string>>;

/**
 * An agent as the original has it: a ROUTER that connects to the backend under its id and answers to the address in the
 * third frame; a PUSH to register. It answers like the original unless it is told otherwise.
 */
export class Agent {
  readonly id: string;
  readonly told: Told[] = [];
  /** Its workers, by process id, as it tells them. */
  workers: Plain = {};
  /** False: it hears, and says nothing. */
  answers = true;
  /** What it says to `RUN`; null: that a worker has been started, and there is one. */
  toRun: Plain | null = null;
  readonly #pid: number;
  readonly #backend: zmq.Router;
  readonly #register = new zmq.Push({ linger: 500 });
  #isClosed = false;

  constructor(places: Places, pid: number, id = `vm-${pid}`) {
    this.#pid = pid;
    this.id = id;
    this.#backend = new zmq.Router({ routingId: id, linger: 0, mandatory: true });
    this.#backend.connect(places.backend ?? '');
    this.#register.connect(places.register ?? '');
    void this.#listen();
  }

  /** Signs on, in the words of the newest generation unless others are given. */
  async register(words: string = JSON.stringify(this.info)): Promise<void> {
    await this.#register.send(['REGISTER', words]);
  }
  async unregister(): Promise<void> {
    await this.#register.send(['UNREGISTER', this.id]);
  }
  get info(): Plain {
    return { pid: this.#pid, hostname: 'vm', agent_id: this.id };
  }

  /** Says something without having been asked. */
  async say(broker: Buffer | string, body: Plain | string, client?: Buffer): Promise<void> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    await this.#backend.send([broker, '', this.id, '', ...(client === undefined ? [] : [client, '']), text]);
  }
  /** The same, to whoever sent what it was told. */
  async reply({ frames }: Told, body: Plain | string): Promise<void> {
    await this.say(frames[2] ?? '', body, frames.length === 7 ? frames[4] : undefined);
  }

  of(command: string): readonly Told[] {
    return this.told.filter(({ body }) => body.command === command);
  }
  async hears(command: string, nth = 0): Promise<Told> {
    return await until(`${command} at ${this.id}`, () => this.of(command)[nth]);
  }
  /** Waits for so many more of a command. */
  async hearsMore(command: string, more = 2): Promise<Told> {
    return await this.hears(command, this.of(command).length + more - 1);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#backend.close();
    this.#register.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const frames of this.#backend) {
        const text = String(frames.at(-1));
        const told = { frames, text, body: JSON.parse(text) as Plain };
        this.told.push(told);
        if (this.answers) await this.#answer(told);
      }
    } catch (thrown) {
      if (!this.#isClosed) throw thrown;
    }
  }

  async #answer(told: Told): Promise<void> {
    const { command, run_id, force } = told.body;
    const result = (fields: Plain): Promise<void> => this.reply(told, { result: { ...fields, command }, ...this.info });
    switch (command) {
      case 'RUN':
        if (this.toRun !== null) return await this.reply(told, this.toRun);
        this.workers = { ...this.workers, [this.#pid * 10]: { status: 'running', run_id: run_id ?? null } };
        return await result({ pids: [this.#pid * 10], agent_id: this.id });
      case 'STATUS':
      case '_STATUS':
        return await result({ status: this.workers });
      case 'STOP': {
        const ended = Object.entries(this.workers).map(([pid, worker]) => [
          pid,
          { ...(worker as Plain), status: 'terminated' },
        ]);
        this.workers = {};
        return await result({ status: Object.fromEntries(ended) });
      }
      case 'QUIT':
        // As the original: one that does nothing leaves before it has answered.
        if (Object.keys(this.workers).length > 0 && force !== true) return await result({ status: this.workers });
        this.close();
    }
  }
}
