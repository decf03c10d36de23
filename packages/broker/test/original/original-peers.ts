import * as zmq from 'zeromq';
import type { Broker } from '../../src/start-broker.js';
import { until } from '../peers.js';

/** A body as JSON gave it. */
export type Body = Record<string, unknown>;

/** A client of the original: a REQ socket and text. */
export class OriginalClient {
  readonly #socket = new zmq.Request({ linger: 0, receiveTimeout: 20_000 });

  constructor(frontend: string) {
    this.#socket.connect(frontend);
  }

  async text(body: string | Buffer): Promise<Body> {
    await this.#socket.send(body);
    const frames = await this.#socket.receive();
    if (frames.length !== 1) throw new Error(`${frames.length} frames came`);
    return JSON.parse(String(frames[0])) as Body;
  }
  async ask(command: string, fields: object = {}): Promise<Body> {
    return await this.text(JSON.stringify({ command, ...fields }));
  }
  async result(command: string, fields: object = {}): Promise<unknown> {
    const answer = await this.ask(command, fields);
    if ('error' in answer) throw new Error(JSON.stringify(answer.error));
    return answer.result;
  }
  close(): void {
    this.#socket.close();
  }
}

/** What an agent was told: the frames around it, and the body. */
export interface Told {
  readonly frames: readonly Buffer[];
  readonly text: string;
  readonly body: Body;
}

/** An agent of the original: a ROUTER that connects under its id, and answers to the name in the third frame. */
export class OriginalAgent {
  readonly id: string;
  readonly pid: number;
  readonly told: Told[] = [];
  /** Its workers, as it tells them. */
  workers: Record<string, unknown> = {};
  /** False: it hears and says nothing. */
  answers = true;
  readonly #backend: zmq.Router;
  readonly #register = new zmq.Push({ linger: 100 });
  #closed = false;

  constructor(broker: Pick<Broker, 'endpoints'>, pid: number) {
    this.pid = pid;
    this.id = `vm-${pid}`;
    this.#backend = new zmq.Router({ routingId: this.id, linger: 0, mandatory: true });
    this.#backend.connect(broker.endpoints.backend);
    this.#register.connect(broker.endpoints.register);
    void this.#listen();
  }

  async register(info: unknown = { pid: this.pid, hostname: 'vm', agent_id: this.id }): Promise<void> {
    await this.#register.send(['REGISTER', typeof info === 'string' ? info : JSON.stringify(info)]);
  }
  async unregister(): Promise<void> {
    await this.#register.send(['UNREGISTER', this.id]);
  }

  /** Says something to the broker by itself. */
  async say(broker: string, body: Body): Promise<void> {
    await this.#backend.send([broker, '', this.id, '', JSON.stringify(body)]);
  }

  /** What it was told with this command, from the `from`th on. */
  of(command: string): readonly Told[] {
    return this.told.filter(({ body }) => body.command === command);
  }
  async hears(command: string, nth = 0): Promise<Told> {
    return await until(`${command} at ${this.id}`, () => this.of(command)[nth]);
  }

  close(): void {
    this.#closed = true;
    this.#backend.close();
    this.#register.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const frames of this.#backend) {
        const text = String(frames.at(-1));
        this.told.push({ frames, text, body: JSON.parse(text) as Body });
        if (this.answers) await this.#answer(frames, this.told.at(-1)?.body ?? {});
      }
    } catch (thrown) {
      if (!this.#closed) throw thrown;
    }
  }

  async #answer(frames: readonly Buffer[], body: Body): Promise<void> {
    const result = this.#carryOut(body);
    if (result === null) {
      this.close();
      return;
    }
    const client = frames.length === 7 ? [frames[4] as Buffer, Buffer.alloc(0)] : [];
    const said = JSON.stringify({ result, hostname: 'vm', agent_id: this.id, pid: this.pid });
    await this.#backend.send([frames[2] as Buffer, '', this.id, '', ...client, said]);
  }

  /** Null: it leaves without a word. */
  #carryOut({ command, run_id, force }: Body): Body | null {
    switch (command) {
      case 'RUN':
        this.workers = { ...this.workers, [`${this.pid}0`]: { status: 'running', run_id: run_id ?? null } };
        return { pids: [this.pid * 10], agent_id: this.id, command };
      case 'STOP': {
        const status = Object.fromEntries(
          Object.entries(this.workers).map(([pid, worker]) => [pid, { ...(worker as Body), status: 'terminated' }]),
        );
        this.workers = {};
        return { status, command };
      }
      case 'QUIT':
        return Object.keys(this.workers).length > 0 && force !== true ? { status: this.workers, command } : null;
      default:
        return { status: this.workers, command };
    }
  }
}

/** What the broker publishes, as text. */
export const watchPublisher = (broker: Pick<Broker, 'endpoints'>): { readonly heard: string[]; close(): void } => {
  const socket = new zmq.Subscriber({ linger: 0 });
  socket.connect(broker.endpoints.publisher);
  socket.subscribe('');
  const heard: string[] = [];
  const listen = async () => {
    for await (const frames of socket) heard.push(frames.map(String).join('|'));
  };
  void listen();
  return { heard, close: () => socket.close() };
};
