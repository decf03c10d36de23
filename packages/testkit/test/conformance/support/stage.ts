import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zmq from 'zeromq';
import { Agent, type Places } from './agent.js';
import { Client, FreeClient, type Plain } from './client.js';
import { type Program, startProgram } from './program.js';
import { until } from './wait.js';

export interface Started {
  readonly agents: readonly string[];
  readonly run_id: string;
}
/** By run, its agents and since when. */
export type Runs = Record<string, [string, number][]>;

/** A broker of ours as a process, and around it programs of the original made of nothing but sockets and JSON. */
export class Stage {
  readonly folder: string;
  places: Places = {};
  broker: Program;
  client!: Client;
  readonly #argv: readonly string[];
  readonly #closing: { close(): void }[] = [];
  #agents: Agent[] = [];
  #pids = 100;

  static async open(...argv: string[]): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'muster-conformance-'));
    const stage = new Stage(folder, argv);
    await stage.#ready();
    return stage;
  }

  private constructor(folder: string, argv: readonly string[]) {
    this.folder = folder;
    this.#argv = argv;
    this.broker = this.#start();
  }

  #start(): Program {
    const data = join(this.folder, 'data');
    return startProgram('broker', [
      ...(this.#argv.includes('--frontend') ? [] : ['--frontend', 'tcp://127.0.0.1:*']),
      ...['--data', data, '--poll-ms', '100', ...this.#argv],
    ]);
  }
  async #ready(): Promise<void> {
    const { broker } = this;
    const ended = broker.exit.then((code): never => {
      throw new Error(`the broker ended with ${code}: ${broker.said()}`);
    });
    const ready = until('a broker', () => /"frontend":"([^"]+)".*"msg":"ready"/.exec(broker.said())?.[1]);
    const frontend = await Promise.race([ready, ended]);
    this.client = new Client(frontend);
    this.places = (await this.client.result<{ endpoints: Places }>('PING')).endpoints;
  }

  /** Ends the broker and starts it again in the same folder. */
  async restart(signal: NodeJS.Signals): Promise<void> {
    this.client.close();
    await this.broker.end(signal);
    this.broker = this.#start();
    await this.#ready();
  }

  #kept<T extends { close(): void }>(one: T): T {
    this.#closing.push(one);
    return one;
  }
  /** Another REQ. */
  another(): Client {
    return this.#kept(new Client(this.places.frontend ?? ''));
  }
  dealer(): FreeClient {
    return this.#kept(new FreeClient(this.places.frontend ?? ''));
  }
  push(place: 'register' | 'receiver'): zmq.Push {
    const socket = this.#kept(new zmq.Push({ linger: 500 }));
    socket.connect(this.places[place] ?? '');
    return socket;
  }
  /** An agent that is not listed yet. */
  newAgent(id?: string): Agent {
    this.#pids += 1;
    const agent = this.#kept(new Agent(this.places, this.#pids, id));
    this.#agents.push(agent);
    return agent;
  }
  /** An agent that is there. */
  async agent(): Promise<Agent> {
    const agent = this.newAgent();
    await agent.register();
    await this.lists(agent.id);
    return agent;
  }
  async agents(count: number): Promise<Agent[]> {
    return await Promise.all(Array.from({ length: count }, () => this.agent()));
  }

  async listed(): Promise<Plain> {
    return await this.client.result('LIST');
  }
  async lists(id: string): Promise<void> {
    await until(`${id} in the list`, async () => id in (await this.listed()));
  }
  async listsNot(id: string): Promise<void> {
    await until(`a list without ${id}`, async () => !(id in (await this.listed())));
  }
  async run(agents: number, args: object = {}, more: object = {}): Promise<Started> {
    return await this.client.result<Started>('CTRL_RUN', { agents, args, ...more });
  }
  async runs(): Promise<Runs> {
    return await this.client.result<Runs>('CTRL_LIST_RUNS');
  }
  async metadata(run_id: string): Promise<Plain> {
    return await this.client.result('CTRL_GET_METADATA', { run_id });
  }
  async counts(run_id: string): Promise<Plain> {
    return await this.client.result('CTRL_GET_COUNTS', { run_id });
  }
  async rows(run_id: string, fields: object = {}): Promise<Plain[]> {
    return await this.client.result<Plain[]>('CTRL_GET_DATA', { run_id, ...fields });
  }
  async isOver(run_id: string): Promise<void> {
    await until(`the end of ${run_id}`, async () => (await this.metadata(run_id)).active === false);
  }

  /** A broker without agents for the next case. */
  async clear(): Promise<void> {
    for (const agent of this.#agents.splice(0)) {
      agent.close();
      const register = new zmq.Push({ linger: 500 });
      register.connect(this.places.register ?? '');
      await register.send(['UNREGISTER', agent.id]);
      register.close();
    }
    for (const each of this.#closing.splice(0)) each.close();
    await until('nobody', async () => Object.keys(await this.listed()).length === 0);
  }
  async close(): Promise<void> {
    for (const each of this.#closing) each.close();
    this.client?.close();
    await this.broker.end();
    await rm(this.folder, { recursive: true, force: true });
  }
}
