import * as zmq from 'zeromq';
import type { Places } from './agent.js';
import type { Plain } from './client.js';
import { until } from './wait.js';

const ANY = 'tcp://127.0.0.1:*';

/** What an agent said on the backend. */
export interface Said {
  /** All frames as the broker's ROUTER reads them, and the body. */
  readonly frames: readonly Buffer[];
  readonly body: Plain;
}

export interface FakeBrokerOptions {
  readonly heartbeat?: boolean;
  /** The name of the backend: in the original the broker's process id. @default 4711 */
  readonly name?: string;
  /** Endpoints of another one, whose place it takes. */
  readonly places?: Places;
}

/** A socket that was closed lets go of its address a moment later: the one after it waits for that. */
const bindWhenFree = async (socket: zmq.Router | zmq.Pull | zmq.Publisher, place: string): Promise<void> => {
  for (;;) {
    try {
      return await socket.bind(place);
    } catch (thrown) {
      if (place === ANY || (thrown as { code?: string }).code !== 'EADDRINUSE') throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};

/** A broker as the original has it, of sockets and JSON alone. What it tells agents is up to the case. */
export class FakeBroker {
  /** Questions on the frontend, all frames behind the routing id. */
  readonly questions: Buffer[][] = [];
  readonly registrations: string[][] = [];
  readonly said: Said[] = [];
  readonly rows: Plain[] = [];
  places: Places = {};
  readonly #name: string;
  readonly #frontend = new zmq.Router({ linger: 0 });
  readonly #backend: zmq.Router;
  readonly #register = new zmq.Pull({ linger: 0 });
  readonly #receiver = new zmq.Pull({ linger: 0 });
  readonly #heartbeat: zmq.Publisher | null;
  #clients = 0;

  static async open(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const broker = new FakeBroker(options);
    await broker.#bind(options.places ?? {});
    return broker;
  }

  private constructor({ heartbeat = false, name = '4711' }: FakeBrokerOptions) {
    this.#name = name;
    this.#backend = new zmq.Router({ linger: 0, routingId: name, mandatory: true });
    this.#heartbeat = heartbeat ? new zmq.Publisher({ linger: 0 }) : null;
  }

  async #bind(places: Places): Promise<void> {
    const sockets = {
      frontend: this.#frontend,
      backend: this.#backend,
      register: this.#register,
      receiver: this.#receiver,
      ...(this.#heartbeat === null ? {} : { heartbeat: this.#heartbeat }),
    };
    const bound: Record<string, string> = { publisher: 'tcp://127.0.0.1:1' };
    for (const [name, socket] of Object.entries(sockets)) {
      await bindWhenFree(socket, places[name] ?? ANY);
      bound[name] = socket.lastEndpoint ?? '';
    }
    this.places = bound;
    void this.#each(this.#frontend, async ([client, ...frames]) => {
      this.questions.push(frames);
      const result = { pid: Number(this.#name), endpoints: this.places, agents: {} };
      // ujson writes slashes so.
      await this.#frontend.send([client ?? '', '', JSON.stringify({ result }).replaceAll('/', '\\/')]);
    });
    void this.#each(this.#register, (frames) => this.registrations.push(frames.map(String)));
    void this.#each(this.#receiver, ([row]) => this.rows.push(JSON.parse(String(row)) as Plain));
    void this.#each(this.#backend, (frames) =>
      this.said.push({ frames, body: JSON.parse(String(frames.at(-1))) as Plain }),
    );
  }

  async #each(socket: zmq.Router | zmq.Pull, take: (frames: Buffer[]) => unknown): Promise<void> {
    try {
      for await (const frames of socket) await take(frames as Buffer[]);
    } catch (thrown) {
      if (!socket.closed) throw thrown;
    }
  }

  /** The id of the agent that registered last, once there is one. */
  async agent(): Promise<string> {
    const [, info] = await until('an agent', () => this.registrations.findLast(([verb]) => verb === 'REGISTER'));
    return String((JSON.parse(info ?? '') as Plain).agent_id);
  }
  /** A command in the frames of the original; for a client when there is one. */
  async tell(agent: string, body: object | string, client?: Buffer): Promise<void> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    await this.#backend.send([agent, '', this.#name, '', ...(client === undefined ? [] : [client, '']), text]);
  }
  /** A command for a client of its own, and what the agent answers to that. */
  async ask(agent: string, body: object | string, client: Buffer = this.#newClient()): Promise<Said> {
    await this.tell(agent, body, client);
    return await until(`an answer to ${JSON.stringify(body).slice(0, 100)}`, () =>
      this.said.find(({ frames }) => frames[4]?.equals(client)),
    );
  }
  #newClient(): Buffer {
    this.#clients += 1;
    return Buffer.from(`\u0000${this.#clients}`);
  }
  async result(agent: string, body: object): Promise<Plain> {
    const said = await this.ask(agent, body);
    if (!('result' in said.body)) throw new Error(JSON.stringify(said.body));
    return said.body.result as Plain;
  }
  async beat(text: 'BEAT' | 'REGISTER'): Promise<void> {
    await this.#heartbeat?.send(text);
  }

  rowsOf(run_id: string): Plain[] {
    return this.rows.filter((row) => row.run_id === run_id);
  }
  /** Waits for the end of a run as its rows tell it. */
  async hearsEnd(run_id: string): Promise<Plain[]> {
    await until(`stopTestRun of ${run_id}`, () =>
      this.rowsOf(run_id).some(({ data_type }) => data_type === 'stopTestRun'),
    );
    return this.rowsOf(run_id);
  }

  close(): void {
    for (const socket of [this.#frontend, this.#backend, this.#register, this.#receiver, this.#heartbeat])
      if (socket?.closed === false) socket.close();
  }
}
