import {
  type AgentMessage,
  encodeNative,
  type Frame,
  MusterError,
  type OriginalQuestion,
  readAgentAnswer,
  readRegister,
  readRegisterInfo,
  readUnregister,
  type SignedOn,
  toAgent,
  toOldestAgent,
} from '@muster/protocol';
import type { Registry } from '../../controller/agents/registry.js';
import type { Instant } from '../../controller/events.js';
import type { Journal } from '../../journal/journal.js';
import type { Logger } from '../../log.js';
import type { Teller } from '../../observers/teller.js';
import type { OriginalConfig } from '../control/control-config.js';
import { OriginalControl } from '../control/original-control.js';
import type { OriginalFeed } from '../feed/original-feed.js';
import type { NativeRuns } from '../native/native-runs.js';
import type { OriginalPresence, OriginalResults } from '../original-results.js';
import { BROKER_ID } from './broker-id.js';
import { OriginalDesk } from './original-desk.js';
import { Undelivered } from './undelivered.js';

/** What the original's side of a broker needs of the rest. */
export interface OriginalSideParts {
  readonly config: OriginalConfig;
  readonly registry: Registry;
  readonly saved: Readonly<Record<string, unknown>>;
  readonly results: OriginalResults;
  readonly native: NativeRuns;
  readonly feed: OriginalFeed;
  readonly teller: Pick<Teller, 'owe' | 'tell'>;
  readonly webRoot: string | null;
  readonly journal: Pick<Journal, 'save'>;
  readonly log: Logger;
  now(): Instant;
  /** To the backend. */
  send(frames: Frame[]): void;
  answer(client: string, payload: Buffer): void;
  publish(payload: Buffer): void;
  beat(text: string): void;
  stopNative(run: string): void;
  /** Something that can't be used came, and was dropped. */
  dropped(why: string): void;
}

/** Agents, runs and commands of the original: what comes in on the sockets goes to their controller. */
export class OriginalSide {
  readonly #parts: OriginalSideParts;
  readonly #control: OriginalControl;
  readonly #desk: OriginalDesk;
  readonly #undelivered: Undelivered;

  constructor(parts: OriginalSideParts) {
    this.#parts = parts;
    const { config, registry, saved, results, native, feed, teller, webRoot, journal, log } = parts;
    this.#control = new OriginalControl(config, registry, saved);
    this.#undelivered = new Undelivered({
      send: (frames) => parts.send(frames),
      unreachable: (agent, command) => this.#desk.handle({ type: 'unreachable', agent, command }),
      now: () => parts.now().nowMs,
    });
    this.#desk = new OriginalDesk({
      control: this.#control,
      results,
      native,
      feed,
      teller,
      webRoot,
      journal,
      log,
      now: () => parts.now(),
      tellOriginal: (agent, command, payload, client) =>
        this.#undelivered.send(
          agent,
          command,
          this.#control.isOldest(agent)
            ? toOldestAgent(agent, client ?? BROKER_ID, payload)
            : toAgent(agent, BROKER_ID, payload, client ?? undefined),
        ),
      tellNative: (agent, command, message) =>
        this.#undelivered.send(agent, command, toAgent(agent, BROKER_ID, encodeNative(message))),
      answer: (client, payload) => parts.answer(client, payload),
      publish: (payload) => parts.publish(payload),
      beat: (text) => parts.beat(text),
      stopNative: (run) => parts.stopNative(run),
    });
  }

  get presence(): OriginalPresence {
    return this.#desk;
  }
  /** Agents of both dialects that are there. */
  agents(): readonly SignedOn[] {
    return this.#control.agents();
  }

  begin(): void {
    this.#desk.begin();
  }
  /** To be called often. */
  tick(): void {
    this.#undelivered.tick();
    this.#desk.handle({ type: 'sweep' });
  }

  ask(client: string, question: Exclude<OriginalQuestion, { readonly name: 'PING' | 'LIST' }>): void {
    this.#desk.ask(client, question);
  }

  /** `REGISTER` or `UNREGISTER` and what belongs to it, from the register socket or the backend. */
  register(frames: readonly Frame[]): void {
    try {
      const { verb, body } = readRegister(frames);
      if (verb === 'REGISTER') this.#desk.handle({ type: 'register', info: readRegisterInfo(body) });
      else this.#desk.handle({ type: 'unregister', agent: readUnregister(body) });
    } catch (thrown) {
      this.#parts.dropped(`register: ${MusterError.from(thrown).message}`);
    }
  }

  /** Text on the backend: the answer of an agent of the original. */
  answered(agent: string, client: string | null, payload: Frame): void {
    try {
      this.#desk.handle({ type: 'answer', agent, client, answer: readAgentAnswer(payload) });
    } catch (thrown) {
      this.#parts.dropped(`from ${agent}: ${MusterError.from(thrown).message}`);
    }
  }

  /** What a native agent says, after its own controller heard it. */
  said(agent: string, message: AgentMessage): void {
    if (message.type === 'original.reply')
      this.#desk.handle({ type: 'reply', agent, id: message.id, answer: message.message });
    else if (message.type === 'hello' && this.#parts.registry.get(agent)?.hello.boot === message.boot)
      this.#desk.handle({ type: 'native', agent, original: message.original ?? [] });
  }

  /** @returns whether the message was one for an agent, which is tried again. */
  unsent(frames: readonly Frame[]): boolean {
    return this.#undelivered.unsent(frames);
  }

  settled(): Promise<void> {
    return this.#desk.settled();
  }
}
