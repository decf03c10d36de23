import {
  AgentMessage,
  BatchHeader,
  BrokerMessage,
  ClientMessage,
  decodeNative,
  encodeNative,
  MusterError,
} from '@muster/protocol';
import { Pipe, type Weather } from './pipe.js';
import type { Random } from './random.js';
import type { Batch } from './sim-store.js';
import type { AgentPort, BrokerPort, ClientPort, World } from './world.js';

/** What a client is told. */
export type ClientAnswer = { readonly result: unknown } | { readonly code: string };

const CLIENT_WEATHER: Weather = { delayMs: 0.2, jitterMs: 2, spikeMs: 0, loss: 0, repeats: 0 };
/** What a socket keeps for a peer that is not there. */
const MOST_WAITING = 1_000;
const RECONNECT_MS = 300;

/** The two sockets of an agent's process: the backend, both ways, and the way of its results. */
export class SimLink {
  readonly agent: AgentPort;
  readonly toBroker: Pipe<AgentMessage>;
  readonly results: Pipe<Batch>;
  readonly toAgent: Pipe<BrokerMessage>;
  /** Between these and the broker's process; what is said meanwhile waits in the socket. */
  isConnected = true;
  isClosed = false;
  waiting: (() => void)[] = [];

  constructor(agent: AgentPort, pipes: Pick<SimLink, 'toBroker' | 'results' | 'toAgent'>) {
    this.agent = agent;
    this.toBroker = pipes.toBroker;
    this.results = pipes.results;
    this.toAgent = pipes.toAgent;
  }

  /** What is under way is gone. */
  break(): void {
    this.toBroker.break();
    this.results.break();
    this.toAgent.break();
  }
  holdUntil(trueMs: number): void {
    this.toBroker.holdUntil(trueMs);
    this.results.holdUntil(trueMs);
    this.toAgent.holdUntil(trueMs);
  }
}

/** Carries messages between the processes of a simulated world, as zeromq over TCP does: in order, on each connection. */
export class Network {
  readonly #world: World;
  readonly #random: Random;
  readonly #broker: () => BrokerPort;
  readonly #links = new Set<SimLink>();
  readonly #routes = new Map<string, SimLink>();
  readonly #clients = new Map<string, { readonly port: ClientPort; readonly toClient: Pipe<[string, ClientAnswer]> }>();
  readonly #fromClients = new Map<string, Pipe<ClientMessage>>();

  constructor(world: World, broker: () => BrokerPort) {
    this.#world = world;
    this.#random = world.random();
    this.#broker = broker;
  }

  /** An agent's process opens its sockets to a broker that lives. */
  open(agent: AgentPort, toBroker: Weather, toAgent: Weather): SimLink {
    const { time } = this.#world;
    const link: SimLink = new SimLink(agent, {
      toBroker: new Pipe(time, this.#random, toBroker, (message) =>
        this.#arrive(link, () => this.#broker().hears(agent.id, message)),
      ),
      results: new Pipe(time, this.#random, toBroker, (batch) => this.#arrive(link, () => this.#broker().takes(batch))),
      toAgent: new Pipe(time, this.#random, toAgent, (message) => {
        if (!link.isClosed) agent.hears(message);
      }),
    });
    this.#links.add(link);
    this.#routes.set(agent.id, link);
    return link;
  }

  /** The process closes its sockets, or is dead: what was on its way may still arrive. */
  close(link: SimLink): void {
    link.isClosed = true;
    link.waiting = [];
    if (this.#random.chance(0.5)) link.break();
    this.#links.delete(link);
    if (this.#routes.get(link.agent.id) === link) this.#routes.delete(link.agent.id);
  }

  #arrive(link: SimLink, deliver: () => void): void {
    if (link.isConnected) deliver();
    else if (!link.isClosed && link.waiting.length < MOST_WAITING) link.waiting.push(deliver);
  }

  brokerDied(): void {
    this.#routes.clear();
    for (const link of this.#links) {
      link.isConnected = false;
      link.break();
      link.agent.dropped();
    }
    for (const { toClient } of this.#clients.values()) toClient.break();
    for (const pipe of this.#fromClients.values()) pipe.break();
  }

  /** Sockets connect again by themselves, each after a while. */
  brokerIsBack(): void {
    for (const link of this.#links) {
      this.#world.time.after(this.#random.unit() * RECONNECT_MS, () => {
        if (link.isClosed || link.isConnected || !this.#broker().isAlive) return;
        link.isConnected = true;
        this.#routes.set(link.agent.id, link);
        const { waiting } = link;
        link.waiting = [];
        for (const deliver of waiting) deliver();
      });
    }
  }

  toBroker(link: SimLink, message: AgentMessage): void {
    link.toBroker.send(this.#checked((bytes) => decodeNative(AgentMessage, bytes), message));
  }
  pushResults(link: SimLink, batch: Batch): void {
    link.results.send({
      header: this.#checked((bytes) => decodeNative(BatchHeader, bytes), batch.header),
      payload: batch.payload,
    });
  }
  toAgent(agent: string, message: BrokerMessage): void {
    this.#routes.get(agent)?.toAgent.send(this.#checked((bytes) => decodeNative(BrokerMessage, bytes), message));
  }

  join(client: string, port: ClientPort): void {
    const { time } = this.#world;
    const toClient = new Pipe<[string, ClientAnswer]>(time, this.#random, CLIENT_WEATHER, ([id, answer]) =>
      this.#clients.get(client)?.port.answered(id, answer),
    );
    this.#clients.set(client, { port, toClient });
    this.#fromClients.set(
      client,
      new Pipe(time, this.#random, CLIENT_WEATHER, (message) => this.#broker().asked(client, message)),
    );
  }
  /** A client is gone; what it asked is still under way. */
  leave(client: string): void {
    this.#clients.delete(client);
  }
  ask(client: string, message: ClientMessage): void {
    this.#fromClients.get(client)?.send(this.#checked((bytes) => decodeNative(ClientMessage, bytes), message));
  }
  answer(client: string, id: string, answer: ClientAnswer): void {
    this.#clients.get(client)?.toClient.send([id, answer]);
  }

  /** As it is, or in some worlds as the real codec carries it. */
  #checked<M extends object>(decode: (bytes: Uint8Array) => M, message: M): M {
    if (!this.#world.schedule.onTheWire) return message;
    try {
      return decode(encodeNative(message));
    } catch (thrown) {
      this.#world.truth.fail('wire', `${MusterError.from(thrown).message}: ${JSON.stringify(message)}`);
      return message;
    }
  }
}
