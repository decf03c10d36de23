import { clientQuestion, decodeNative, encodeNative, isNative, readClientAnswer } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { z } from 'zod';
import type { Random } from '../simulator/random.js';
import { NATIVE_QUESTIONS, ORIGINAL_QUESTIONS, TOO_MANY_AGENTS } from './catalogue.js';
import { anything, broken, bytesOf, changed, type Plain, textOf } from './garbage.js';
import { until } from './until.js';

/** What a broker may take for a question that it hands on to an agent, and the agent never answers. */
const PATIENCE_MS = 60_000;
const QUESTIONS = 30;
const Answered = z.looseObject({ id: z.string() });
const WRONG_COUNTS: readonly [unknown, ...unknown[]] = [TOO_MANY_AGENTS, null, 'x', -1, 0, 1.5, [], true, {}, 1e300];

/** A question in text: changed, or no question at all. Text is always answered, whatever it is. */
const textQuestion = (random: Random): Buffer => {
  const question = random.one(ORIGINAL_QUESTIONS);
  const wrong = changed(random, question, random.chance(0.8) ? ['command'] : []);
  const isRun = wrong.command === 'CTRL_RUN' || wrong.command === 'RUN';
  const asked = isRun ? { ...wrong, agents: random.one(WRONG_COUNTS) } : wrong;
  const text = Buffer.from(spelled(random, asked));
  if (random.chance(0.7)) return text;
  if (random.chance(0.3)) return Buffer.from(JSON.stringify(anything(random)));
  const bytes = random.chance(0.2) ? bytesOf(random) : broken(random, text);
  // What begins like MessagePack is none of the original's.
  return isNative(bytes) ? Buffer.concat([Buffer.from(' '), bytes]) : bytes;
};

/** JSON with spaces, escaped slashes or none; nothing that JSON can't carry. */
const spelled = (random: Random, message: Plain): string => {
  const text = random.chance(0.3) ? JSON.stringify(message, null, 1) : JSON.stringify(message);
  return random.chance(0.3) ? text.replaceAll('/', '\\/') : text;
};

/** A native question under an id that can be answered, changed everywhere else. */
const nativeQuestion = (random: Random, id: string): Buffer | null => {
  const question = changed(random, random.one(NATIVE_QUESTIONS), random.chance(0.8) ? ['type'] : []);
  const agents = question.type === 'submit' ? { agents: random.one(WRONG_COUNTS) } : {};
  try {
    return encodeNative({ ...question, ...agents, id });
  } catch {
    // Too deep to be written.
    return null;
  }
};

/**
 * Asks things that are wrong in every way but have an envelope: each must be answered, and once. Each round is a
 * connection of its own; it is closed when everything has been answered, or suddenly.
 */
export class Asker {
  readonly #random: Random;
  readonly #frontend: string;
  readonly #patienceMs: number;
  /** What was asked natively in this round, for whoever looks for one that had no answer. */
  readonly #native = new Map<string, string>();
  #asked = 0;
  #rounds = 0;

  constructor(frontend: string, random: Random, patienceMs = PATIENCE_MS) {
    this.#frontend = frontend;
    this.#random = random;
    this.#patienceMs = patienceMs;
  }

  get asked(): number {
    return this.#asked;
  }

  /** @throws Error when a question was answered twice, or not at all. */
  async round(isOver: () => boolean): Promise<void> {
    const random = this.#random;
    this.#rounds += 1;
    this.#native.clear();
    const texts: string[] = [];
    const byId = new Map<string, number>();
    const unasked: string[] = [];
    await using socket = openSocket('dealer', {
      lingerMs: 0,
      onMessage: (frames) => {
        const payload = readClientAnswer(frames);
        if (!isNative(payload)) texts.push(payload.toString());
        else {
          const { id } = decodeNative(Answered, payload, Number.MAX_SAFE_INTEGER);
          if (byId.has(id)) byId.set(id, (byId.get(id) ?? 0) + 1);
          else unasked.push(id);
        }
      },
    });
    socket.connect(this.#frontend);
    const sent = this.#ask(socket, byId);
    if (random.chance(0.1)) return;
    const allCame = () => texts.length >= sent.length && [...byId.values()].every((count) => count >= 1);
    if (!(await until(allCame, this.#patienceMs, isOver))) {
      if (isOver()) return;
      const silent = [...byId].filter(([, count]) => count === 0).map(([id]) => `${id} ${this.#native.get(id)}`);
      throw new Error(
        `${sent.length - texts.length} of ${sent.length} texts and ${silent} had no answer:\n${sent.join('\n').slice(0, 20_000)}`,
      );
    }
    // Behind a last question there is nothing left of an answer that came twice.
    const before = texts.length;
    socket.send(clientQuestion(Buffer.from('{"command":"PING"}')));
    await until(() => texts.length > before, this.#patienceMs, isOver);
    const twice = [...byId].filter(([, count]) => count > 1);
    if (texts.length > sent.length + 1 || twice.length > 0 || unasked.length > 0)
      throw new Error(
        `answered twice: ${texts.length - sent.length - 1} texts, ${twice} ${unasked}:\n${sent.join('\n')}`,
      );
  }

  /** @returns the texts asked, for whoever looks for one that had no answer. */
  #ask(socket: Socket, byId: Map<string, number>): readonly string[] {
    const random = this.#random;
    const sent: string[] = [];
    for (let count = QUESTIONS; count > 0; count -= 1) {
      this.#asked += 1;
      if (random.chance(0.5)) {
        const text = textQuestion(random);
        sent.push(text.toString('latin1').slice(0, 2_000));
        socket.send(random.chance(0.8) ? clientQuestion(text) : [textOf(random), '', text]);
        continue;
      }
      const id = `fuzz-${this.#rounds}-${count}`;
      const question = nativeQuestion(random, id);
      if (question === null) continue;
      byId.set(id, 0);
      this.#native.set(id, question.toString('latin1').slice(0, 2_000));
      socket.send(clientQuestion(question));
    }
    return sent;
  }
}
