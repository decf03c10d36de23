import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeNative,
  encodeOriginal,
  type Frame,
  frontendAnswer,
  isNative,
  machineMs,
  NATIVE_VERSIONS,
  readBackend,
  readFrontend,
  toAgent,
  unpackNative,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { Random } from '../simulator/random.js';
import { FUZZ_BOOT, NATIVE_BROKER, ORIGINAL_BROKER } from './catalogue.js';
import { broken, bytesOf, changed, type Plain, shuffled, textOf } from './garbage.js';
import { type AgentProcess, errorLines, residentMiB, startAgentProcess } from './processes.js';
import { need } from './until.js';

const ANY = 'tcp://127.0.0.1:*';
const BROKER = 'fuzz-broker';
/** More users would be as many processes. */
const MAX_USERS = 5;

/** Wrong messages between two looks whether the agent answers. */
const BETWEEN_LOOKS = 100;

/** A broker that says wrong things to an agent, natively or as one of the original, and expects it to live on. */
export class AgentAttack {
  readonly #random: Random;
  readonly #isNative: boolean;
  readonly #frontend: Socket;
  readonly #backend: Socket;
  readonly #quiet: readonly Socket[];
  readonly #heartbeat: Socket;
  readonly #replies = new Map<string, number>();
  #statuses = 0;
  #agent: string | null = null;
  #process: AgentProcess | null = null;
  #folder = '';
  #endpoints: Record<string, string> = {};
  #looks = 0;
  sent = 0;

  constructor(random: Random, native: boolean) {
    this.#random = random;
    this.#isNative = native;
    this.#frontend = openSocket('router', { lingerMs: 0, onMessage: (frames) => this.#asked(frames) });
    this.#backend = openSocket('router', {
      lingerMs: 0,
      routingId: BROKER,
      onMessage: (frames) => this.#heard(frames),
    });
    const register = openSocket('pull', { lingerMs: 0, onMessage: (frames) => this.#registered(frames) });
    this.#quiet = [register, openSocket('pull', { lingerMs: 0, onMessage: () => undefined })];
    this.#heartbeat = openSocket('xpub', { lingerMs: 0 });
  }

  get name(): string {
    return `the agent under a broker ${this.#isNative ? 'of ours' : 'of the original'}`;
  }
  get rssMiB(): number {
    return residentMiB(this.#process?.child.pid ?? -1) ?? 0;
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'muster-fuzz-agent-'));
    const [register, receiver] = this.#quiet;
    this.#endpoints = {
      backend: await this.#backend.bind(ANY),
      register: (await register?.bind(ANY)) ?? '',
      receiver: (await receiver?.bind(ANY)) ?? '',
      heartbeat: await this.#heartbeat.bind(ANY),
      publisher: 'tcp://127.0.0.1:1',
      events: 'tcp://127.0.0.1:1',
    };
    const frontend = await this.#frontend.bind(ANY);
    this.#endpoints.frontend = frontend;
    const argv = ['--broker', frontend, '--data', join(this.#folder, 'data'), '--workers', '1'];
    // Whatever its heartbeat says, it is not to be lost.
    this.#process = startAgentProcess([...argv, '--node', 'fuzzed', '--broker-lost-ms', '3600000']);
    await need(`${this.name} to sign on`, () => this.#agent !== null);
  }

  /** Says some wrong things, then asks something right. @throws Error when that has not exactly one answer. */
  async round(): Promise<void> {
    for (let count = BETWEEN_LOOKS; count > 0; count -= 1) {
      this.#say();
      if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await this.#look();
    const faults = errorLines(this.#process?.log() ?? '');
    if (faults.length > 0) throw new Error(`${this.name} logged:\n${faults.slice(0, 10).join('\n')}`);
  }

  #say(): void {
    const random = this.#random;
    this.sent += 1;
    if (this.#agent === null) return;
    if (random.chance(0.05)) {
      this.#heartbeat.send(shuffled(random, [Buffer.from(random.one(['BEAT', 'REGISTER', 'x'])), bytesOf(random)]));
      return;
    }
    const payload = random.chance(0.1) ? bytesOf(random, 200) : this.#order();
    const bytes = random.chance(0.2) ? broken(random, payload) : payload;
    const client = random.chance(0.2) ? random.hex(5) : undefined;
    const frames = toAgent(this.#agent, random.chance(0.9) ? BROKER : textOf(random), bytes, client);
    const [route = Buffer.alloc(0), ...rest] = frames;
    this.#backend.send(random.chance(0.1) ? [route, ...shuffled(random, rest)] : frames);
  }

  #order(): Buffer {
    const random = this.#random;
    const isNative = random.chance(this.#isNative ? 0.8 : 0.2);
    const order = random.one(isNative ? NATIVE_BROKER : ORIGINAL_BROKER);
    const wrong = changed(random, order, ['test_runner', ...(random.chance(0.8) ? ['type', 'command'] : [])]);
    // A welcome that fits is the agent's new broker, and takes its receiver.
    const said = bounded(wrong.type === 'welcome' ? { ...wrong, boot: 7 } : wrong);
    try {
      return isNative ? encodeNative(said) : encodeOriginal(said);
    } catch {
      return encodeOriginal(said);
    }
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    const id = `look-${this.#looks}`;
    if (this.#process?.child.exitCode !== null || this.#process.child.signalCode !== null)
      throw new Error(`${this.name} ended: ${this.#process?.log().slice(-5_000)}`);
    if (this.#isNative) {
      // What it is told while it connects anew is lost: it is asked again under the same id.
      await need(`${this.name} to answer`, async () => {
        this.#ask(encodeNative({ type: 'original', id, message: { command: '_STATUS', run_id: id } }));
        await new Promise((resolve) => setTimeout(resolve, 200));
        return (this.#replies.get(id) ?? 0) > 0;
      });
      return;
    }
    await need(`${this.name} to answer`, async () => {
      const before = this.#statuses;
      this.#ask(encodeOriginal({ command: 'STATUS', run_id: id }));
      await new Promise((resolve) => setTimeout(resolve, 200));
      return this.#statuses > before;
    });
  }

  #ask(payload: Buffer): void {
    if (this.#agent !== null) this.#backend.send(toAgent(this.#agent, BROKER, payload));
  }

  #asked(frames: Frame[]): void {
    const { route } = readFrontend(frames);
    const native = this.#isNative ? { native: NATIVE_VERSIONS, version: '0.1.0' } : {};
    const answer = encodeOriginal({ result: { pid: 1, agents: {}, endpoints: this.#endpoints, ...native } });
    // It asks until the answer can be read.
    const wrong = this.#random.chance(0.5) ? broken(this.#random, answer) : bytesOf(this.#random);
    const isWrong = this.#random.chance(0.3);
    this.#frontend.send(frontendAnswer(route, isWrong && !isTempting(wrong) ? wrong : answer));
  }

  #registered([verb, body]: Frame[]): void {
    if (verb?.toString() === 'REGISTER') this.#agent = (JSON.parse(String(body)) as { agent_id: string }).agent_id;
  }

  #heard(frames: Frame[]): void {
    const { route, payload } = readBackend(frames);
    if (!isNative(payload)) {
      const { result } = JSON.parse(payload.toString()) as { readonly result?: { readonly command?: string } };
      if (result?.command === 'STATUS') this.#statuses += 1;
      return;
    }
    const message = unpackNative(payload, Number.MAX_SAFE_INTEGER) as Plain;
    if (message.type === 'hello') {
      this.#agent = route;
      this.#ask(
        encodeNative({ ...NATIVE_BROKER[0], agent: route, boot: FUZZ_BOOT, receiver: this.#endpoints.receiver }),
      );
    } else if (message.type === 'beat') {
      const stamps = { seq: message.seq, sentMs: message.sentMs, receivedMs: machineMs(), answeredMs: machineMs() };
      this.#ask(encodeNative({ type: 'beat', ...stamps, grant: null }));
    } else if (message.type === 'original.reply') {
      const id = String(message.id);
      this.#replies.set(id, (this.#replies.get(id) ?? 0) + 1);
    }
  }

  async close(): Promise<void> {
    await this.#process?.close();
    await Promise.all([this.#frontend, this.#backend, this.#heartbeat, ...this.#quiet].map((socket) => socket.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Nearly right answers may rightly lead an agent elsewhere; those are not given. */
const isTempting = (answer: Buffer): boolean => {
  try {
    return typeof JSON.parse(answer.toString()) === 'object';
  } catch {
    return false;
  }
};

/** The same with no more users than may be. */
const bounded = (message: Plain): Plain => {
  const args = (message.message as Plain | undefined)?.args ?? message.args;
  if (typeof args !== 'object' || args === null || !('users' in args)) return message;
  const most = Math.max(...(JSON.stringify(args.users)?.match(/\d+/g) ?? []).map(Number), 0);
  return most > MAX_USERS && most <= 1_000 ? { ...message, args: { ...args, users: 1_000_000 } } : message;
};
