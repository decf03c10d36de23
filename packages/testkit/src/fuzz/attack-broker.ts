import { BOUNDS, type Endpoints, encodeNative, type Frame } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { Random } from '../simulator/random.js';
import {
  BATCH_HEADER,
  BATCH_PAYLOADS,
  FUZZ_AGENTS,
  NATIVE_AGENT,
  NATIVE_QUESTIONS,
  ORIGINAL_AGENT,
  ORIGINAL_QUESTIONS,
  ORIGINAL_REGISTRATION,
  ORIGINAL_RESULTS,
} from './catalogue.js';
import { anything, broken, bytesOf, changed, type Plain, shuffled, textOf } from './garbage.js';
import { RawTcp } from './raw-tcp.js';

type Place = 'frontend' | 'backend' | 'register' | 'receiver' | 'publisher' | 'events';
const PLACES: readonly [Place, ...Place[]] = [
  ...(['frontend', 'backend', 'backend', 'register', 'receiver', 'receiver', 'publisher', 'events'] as const),
] as [Place, ...Place[]];

/** Messages over a bound are large: there are few. */
const LARGE = 0.0005;

const native = (message: Plain): Buffer => {
  try {
    return encodeNative(message);
  } catch {
    // Too deep to be written: then as text.
    return text(message);
  }
};
const text = (message: unknown): Buffer => Buffer.from(JSON.stringify(message) ?? 'null');

/** Sends wrong messages to every socket of a broker, by zeromq and without. */
export class BrokerAttack {
  readonly #random: Random;
  readonly #endpoints: Endpoints;
  readonly #tcp: RawTcp;
  readonly #sockets = new Map<Place, Socket>();
  /** While this holds nobody signs on: those who watch want to know whom a broker has. */
  mayRegister = true;
  sent = 0;

  constructor(endpoints: Endpoints, random: Random) {
    this.#endpoints = endpoints;
    this.#random = random;
    this.#tcp = new RawTcp(random);
  }

  step(): void {
    const random = this.#random;
    this.sent += 1;
    const place = random.one(PLACES);
    if (random.chance(0.03)) {
      this.#tcp.attack(
        random.chance(0.1) ? (this.#endpoints.heartbeat ?? this.#endpoints.events) : this.#endpoints[place],
      );
      return;
    }
    if (random.chance(0.01)) this.#leave(place);
    if (place === 'publisher' || place === 'events') {
      this.#subscribe(place);
      return;
    }
    const frames = this.#frames(place);
    if (frames.length > 0 && this.#isAllowed(frames)) this.#socket(place).send(frames);
  }

  async close(): Promise<void> {
    this.#tcp.close();
    for (const place of [...this.#sockets.keys()]) this.#leave(place);
    await Promise.resolve();
  }

  /** A peer goes without a word. */
  #leave(place: Place): void {
    void this.#sockets.get(place)?.close();
    this.#sockets.delete(place);
  }

  #subscribe(place: 'publisher' | 'events'): void {
    const socket = this.#socket(place);
    const topic = this.#random.chance(0.5) ? '' : textOf(this.#random).slice(0, 300);
    if (this.#random.chance(0.6)) socket.subscribe(topic);
    else socket.unsubscribe(topic);
  }

  #socket(place: Place): Socket {
    const known = this.#sockets.get(place);
    if (known !== undefined) return known;
    const made = this.#open(place);
    made.connect(this.#endpoints[place]);
    this.#sockets.set(place, made);
    return made;
  }

  #open(place: Place): Socket {
    const bounds = { lingerMs: 0, queue: 200, sendTimeoutMs: 100 };
    if (place === 'publisher' || place === 'events')
      return openSocket('sub', { ...bounds, onMessage: () => undefined });
    if (place === 'register' || place === 'receiver') return openSocket('push', bounds);
    const routing = place === 'backend' && this.#random.chance(0.8) ? { routingId: this.#random.one(FUZZ_AGENTS) } : {};
    return openSocket('dealer', { ...bounds, ...routing, onMessage: () => undefined });
  }

  #frames(place: 'frontend' | 'backend' | 'register' | 'receiver'): Frame[] {
    const random = this.#random;
    if (random.chance(LARGE)) return this.#large(place);
    if (random.chance(0.1)) return Array.from({ length: random.whole(1, 8) }, () => bytesOf(random, 200));
    const frames = place === 'frontend' ? this.#question() : place === 'backend' ? this.#said() : this.#pushed(place);
    if (random.chance(0.15)) return shuffled(random, frames);
    if (random.chance(0.2)) return frames.map((frame) => (random.chance(0.5) ? broken(random, frame) : frame));
    return frames;
  }

  #question(): Frame[] {
    const random = this.#random;
    const isNative = random.chance(0.5);
    const { agents: _, ...question } = changed(random, random.one(isNative ? NATIVE_QUESTIONS : ORIGINAL_QUESTIONS));
    // Without a count no run begins; a native one has no bundle that is known.
    const payload = isNative ? native({ ...question, id: textOf(random) }) : text(question);
    return [Buffer.alloc(0), payload];
  }

  #said(): Frame[] {
    const random = this.#random;
    const agent = Buffer.from(random.chance(0.9) ? random.one(FUZZ_AGENTS) : textOf(random));
    const empty = Buffer.alloc(0);
    const client = random.chance(0.3) ? [bytesOf(random, 5), empty] : [];
    if (random.chance(0.6)) {
      const message = random.one(NATIVE_AGENT);
      const said = random.chance(0.3) ? message : changed(random, message, random.chance(0.8) ? ['type'] : []);
      return [empty, agent, empty, ...client, native(said)];
    }
    if (random.chance(0.2)) return [empty, ...this.#registration()];
    const answer = random.one(ORIGINAL_AGENT);
    return [empty, agent, empty, ...client, text(random.chance(0.4) ? answer : changed(random, answer))];
  }

  #pushed(place: 'register' | 'receiver'): Frame[] {
    const random = this.#random;
    if (place === 'register') return this.#registration();
    if (random.chance(0.5)) {
      const header = random.chance(0.3) ? BATCH_HEADER : changed(random, BATCH_HEADER);
      const payload = random.one(BATCH_PAYLOADS);
      return [
        native({ ...header, number: random.whole(0, 100) }),
        native(random.chance(0.3) ? payload : changed(random, payload)),
      ];
    }
    const row = random.one(ORIGINAL_RESULTS);
    return [text(random.chance(0.3) ? row : changed(random, row, random.chance(0.7) ? ['run_id'] : []))];
  }

  #registration(): Frame[] {
    const random = this.#random;
    const info = { ...ORIGINAL_REGISTRATION, agent_id: random.one(FUZZ_AGENTS) };
    const body = random.chance(0.3) ? info : random.chance(0.5) ? changed(random, info) : anything(random);
    const verb = random.chance(0.5) ? 'REGISTER' : random.chance(0.8) ? 'UNREGISTER' : textOf(random);
    return [Buffer.from(verb), random.chance(0.8) ? text(body) : Buffer.from(random.one(FUZZ_AGENTS))];
  }

  #large(place: 'frontend' | 'backend' | 'register' | 'receiver'): Frame[] {
    const bound =
      { frontend: BOUNDS.controlBytes, receiver: BOUNDS.resultBytes }[place as string] ?? BOUNDS.controlBytes;
    const bytes = Buffer.alloc(bound + this.#random.whole(1, 100_000), this.#random.one(['{', '[', ' ', '\x81', 'a']));
    return place === 'receiver' || place === 'register' ? [bytes] : [Buffer.alloc(0), bytes];
  }

  /** While nobody may sign on, what could do that is not sent. */
  #isAllowed(frames: readonly Frame[]): boolean {
    if (this.mayRegister) return true;
    return !frames.some((frame) => /REGISTER|hello|agent_id/.test(frame.subarray(0, 4_000).toString('latin1')));
  }
}
