import * as zmq from 'zeromq';

type Plain = Readonly<Record<string, unknown>>;
const ANY = 'tcp://127.0.0.1:*';

/** A socket that was closed lets go of its address a moment later: the one after it waits for that. */
const bind = async (socket: zmq.Router | zmq.Pull | zmq.Publisher, endpoint: string): Promise<void> => {
  for (;;) {
    try {
      return await socket.bind(endpoint);
    } catch (thrown) {
      if (endpoint === ANY || (thrown as { code?: string }).code !== 'EADDRINUSE') throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};

export interface AnswerHeard {
  /** Frames behind the routing id, as text. */
  readonly frames: readonly string[];
  readonly body: Plain;
}

export interface RawBrokerOptions {
  readonly heartbeat?: boolean;
  /** An identity of the backend, as the original gives it. @default 4711 */
  readonly pid?: string;
  /** Endpoints of one before it, to take its place. */
  readonly at?: Readonly<Record<string, string>>;
}

/** A broker of the original, made of nothing but its sockets, its frames and JSON. What it says is up to the test. */
export class RawBroker {
  readonly registrations: (readonly string[])[] = [];
  readonly answers: AnswerHeard[] = [];
  readonly rows: Plain[] = [];
  endpoints: Readonly<Record<string, string>> = {};
  readonly #pid: string;
  readonly #frontend = new zmq.Router({ linger: 0 });
  readonly #backend: zmq.Router;
  readonly #register = new zmq.Pull({ linger: 0 });
  readonly #receiver = new zmq.Pull({ linger: 0 });
  readonly #heartbeat: zmq.Publisher | null;
  readonly #looks = new Set<() => void>();
  #isClosed = false;

  static async open(options: RawBrokerOptions = {}): Promise<RawBroker> {
    const broker = new RawBroker(options);
    await broker.#bind(options.at ?? {});
    return broker;
  }

  private constructor({ heartbeat = false, pid = '4711' }: RawBrokerOptions) {
    this.#pid = pid;
    this.#backend = new zmq.Router({ linger: 0, routingId: pid, mandatory: true });
    this.#heartbeat = heartbeat ? new zmq.Publisher({ linger: 0 }) : null;
  }

  async #bind(at: Readonly<Record<string, string>>): Promise<void> {
    const named = {
      frontend: this.#frontend,
      backend: this.#backend,
      register: this.#register,
      receiver: this.#receiver,
      ...(this.#heartbeat === null ? {} : { heartbeat: this.#heartbeat }),
    };
    const endpoints: Record<string, string> = {};
    for (const [name, socket] of Object.entries(named)) {
      await bind(socket, at[name] ?? ANY);
      endpoints[name] = socket.lastEndpoint ?? '';
    }
    this.endpoints = { ...endpoints, publisher: 'tcp://127.0.0.1:1' };
    void this.#each(this.#frontend, (frames) => this.#ping(frames));
    void this.#each(this.#register, (frames) => this.registrations.push(frames.map(String)));
    void this.#each(this.#receiver, ([frame]) => this.rows.push(JSON.parse(String(frame)) as Plain));
    void this.#each(this.#backend, ([, ...frames]) => {
      this.answers.push({ frames: frames.slice(0, -1).map(String), body: JSON.parse(String(frames.at(-1))) as Plain });
    });
  }

  async #each(socket: zmq.Router | zmq.Pull, take: (frames: Buffer[]) => unknown): Promise<void> {
    for await (const frames of socket) {
      await take(frames as Buffer[]);
      for (const look of this.#looks) look();
    }
  }

  /** As the original: no word of native versions. */
  async #ping(frames: Buffer[]): Promise<void> {
    const result = { pid: Number(this.#pid), endpoints: this.endpoints, agents: {} };
    await this.#frontend.send([frames[0] ?? '', '', JSON.stringify({ result })]);
  }

  /** A command, with the frames that the original sends. */
  async tell(agent: string, body: object, client?: Buffer): Promise<void> {
    const between = client === undefined ? [] : [client, ''];
    await this.#backend.send([agent, '', this.#pid, '', ...between, JSON.stringify(body)]);
  }
  async tellRaw(agent: string, text: string): Promise<void> {
    await this.#backend.send([agent, '', this.#pid, '', text]);
  }
  async beat(text: 'BEAT' | 'REGISTER'): Promise<void> {
    await this.#heartbeat?.send(text);
  }

  /** Resolves when the condition holds after something came. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }
  /** The id of the n-th agent that registered. */
  async agent(nth = 0): Promise<string> {
    await this.until(() => this.registrations.length > nth);
    return String((JSON.parse(this.registrations[nth]?.[1] ?? '{}') as Plain).agent_id);
  }
  /** Sends a command and gives the next answer. */
  async ask(agent: string, body: object, client?: Buffer): Promise<AnswerHeard> {
    const before = this.answers.length;
    await this.tell(agent, body, client);
    await this.until(() => this.answers.length > before);
    return this.answers[before] as AnswerHeard;
  }
  rowsOf(kind: string): Plain[] {
    return this.rows.filter(({ data_type }) => data_type === kind);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of [this.#frontend, this.#backend, this.#register, this.#receiver, this.#heartbeat])
      socket?.close();
  }
}
