import {
  clientQuestion,
  type Endpoints,
  encodeOriginal,
  readAtAgent,
  readClientAnswer,
  toBroker,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { Plain } from './garbage.js';
import { need } from './until.js';

/** A client of the original that behaves: one question at a time, and exactly one answer to each. */
export class GoodClient {
  readonly #socket: Socket;
  readonly #answers: Plain[] = [];
  #asked = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(frontend: string) {
    this.#socket = openSocket('dealer', {
      lingerMs: 0,
      onMessage: (frames) => void this.#answers.push(JSON.parse(readClientAnswer(frames).toString()) as Plain),
    });
    this.#socket.connect(frontend);
  }

  get asked(): number {
    return this.#asked;
  }

  /** @throws Error when the answer is an error, or there is none, or there were more before. */
  async result(command: string, fields: Plain = {}): Promise<unknown> {
    const answer = await this.answer(command, fields);
    if (!('result' in answer)) throw new Error(`${command}: ${JSON.stringify(answer)}`);
    return answer.result;
  }

  /** The whole answer, which may be an error. */
  answer(command: string, fields: Plain = {}): Promise<Plain> {
    const mine = this.#turn.then(() => this.#ask(command, fields));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #ask(command: string, fields: Plain): Promise<Plain> {
    if (this.#answers.length !== this.#asked)
      throw new Error(`${this.#asked} questions had ${this.#answers.length} answers`);
    this.#asked += 1;
    this.#socket.send(clientQuestion(encodeOriginal({ command, ...fields })));
    await need(`an answer to ${command}`, () => this.#answers.length >= this.#asked, 30_000);
    return this.#answers.at(-1) ?? {};
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

/** An agent of the original that behaves; its worker is whoever pushes rows. */
export class GoodAgent {
  readonly id = `good-${process.pid}`;
  readonly #backend: Socket;
  readonly #register: Socket;
  readonly #receiver: Socket;
  readonly #heartbeat: Socket;
  #workers: Record<string, Plain> = {};
  /** Runs that it was told to begin. */
  readonly begun: string[] = [];

  constructor(endpoints: Endpoints) {
    this.#backend = openSocket('dealer', {
      routingId: this.id,
      lingerMs: 0,
      onMessage: (frames) => this.#told(frames),
    });
    this.#backend.connect(endpoints.backend);
    this.#register = openSocket('push', { lingerMs: 0 });
    this.#register.connect(endpoints.register);
    this.#receiver = openSocket('push', { lingerMs: 0 });
    this.#receiver.connect(endpoints.receiver);
    // Each beat makes it sign on again, like the original.
    this.#heartbeat = openSocket('sub', { lingerMs: 0, onMessage: () => this.register() });
    this.#heartbeat.connect(endpoints.heartbeat ?? '');
    this.#heartbeat.subscribe('');
  }

  register(): void {
    this.#register.send(['REGISTER', encodeOriginal({ pid: process.pid, hostname: 'good', agent_id: this.id })]);
  }
  unregister(agent: string): void {
    this.#register.send(['UNREGISTER', agent]);
  }
  push(message: Plain): void {
    this.#receiver.send([encodeOriginal({ ...message, agent_id: this.id })]);
  }

  #told(frames: Buffer[]): void {
    const { client, payload } = readAtAgent(frames);
    const { command, run_id } = JSON.parse(payload.toString()) as {
      readonly command: string;
      readonly run_id?: string;
    };
    if (command === 'RUN') {
      this.begun.push(run_id ?? '');
      this.#workers = { '7': { status: 'running', run_id } };
    }
    if (command === 'STOP') this.#workers = {};
    const result = command === 'RUN' ? { pids: [7], agent_id: this.id, command } : { status: this.#workers, command };
    const said = encodeOriginal({ result, hostname: 'good', agent_id: this.id, pid: process.pid });
    this.#backend.send(toBroker(this.id, said, client ?? undefined));
  }

  async close(): Promise<void> {
    const all = [this.#backend, this.#register, this.#receiver, this.#heartbeat];
    await Promise.all(all.map((socket) => socket.close()));
  }
}
