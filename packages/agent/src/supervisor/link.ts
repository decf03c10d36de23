import type { BrokerMessage } from '@muster/protocol';
import type { FromAgent, FromBroker } from './messages.js';
import { earliest, NEVER, type Turn } from './turn.js';

/** What the link asks of the supervisor. */
export interface LinkPort {
  hello(): FromAgent<'hello'>;
  /** The agent is signed on; `newBoot`: at a broker that it has not spoken to before. */
  welcomed(turn: Turn, newBoot: boolean): void;
  beat(turn: Turn, seq: number): void;
  /** The broker's process is dead. */
  refused(turn: Turn): void;
}

/**
 * The connection to the broker.
 *
 * | state    | what happens                  | next     | and                                      |
 * |----------|-------------------------------|----------|------------------------------------------|
 * | down     | the time to ask has come      | down     | `connect`                                |
 * | down     | `link.refused`, `link.silent` | down     | asks again soon                          |
 * | any      | `link.up`                     | greeting | `hello`                                  |
 * | greeting | no answer for a beat          | greeting | `hello` again                            |
 * | greeting | no answer for 2 s             | down     | `connect`                                |
 * | greeting | `refuse`                      | down     | logged; asks again later                 |
 * | greeting | `welcome`                     | up       | eight beats, one after the other         |
 * | up       | `refuse`                      | greeting | `hello`: the broker does not know us     |
 * | up       | silence for 2 s               | up       | `connect`; beats go on                   |
 * | up       | silence for 1½ beats, a drop  | up       | `probe`                                  |
 * | up       | `link.refused`                | down     | the orphan lease may begin               |
 */
type LinkState =
  | { readonly s: 'down'; readonly askMs: number }
  | { readonly s: 'greeting'; readonly helloMs: number; readonly giveUpMs: number }
  | {
      readonly s: 'up';
      readonly beatEveryMs: number;
      readonly beatMs: number;
      readonly quick: number;
      readonly probeMs: number;
      readonly askMs: number;
    };

export interface LinkTimes {
  readonly silenceMs: number;
}

const QUICK_BEATS = 8;
const ASK_AGAIN_MS = 500;
const ASK_AGAIN_AFTER_REFUSAL_MS = 5_000;
const HELLO_AGAIN_MS = 500;
/** A `connect` that is not answered for so long is asked again. */
const CONNECT_PATIENCE_MS = 10_000;
const PROBE_EVERY_MS = 250;

/** Keeps the agent signed on: asks for the broker, says hello, beats, notices silence. */
export class Link {
  readonly #port: LinkPort;
  readonly #times: LinkTimes;
  #state: LinkState = { s: 'down', askMs: NEVER };
  #seq = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #brokerBoot: string | null = null;
  #toldNone = false;

  constructor(port: LinkPort, times: LinkTimes) {
    this.#port = port;
    this.#times = times;
  }

  get state(): LinkState['s'] {
    return this.#state.s;
  }
  get isUp(): boolean {
    return this.#state.s === 'up';
  }
  get heardMs(): number {
    return this.#heardMs;
  }

  start(turn: Turn): void {
    this.#ask(turn);
  }

  /** There is no broker of ours to be linked to, and no more is asked for. */
  park(): void {
    this.#state = { s: 'down', askMs: NEVER };
  }

  /** Fresh sockets are connected to a broker that lives. */
  connected(turn: Turn): void {
    this.#state = { s: 'greeting', helloMs: turn.nowMs, giveUpMs: turn.nowMs + this.#times.silenceMs };
    this.due(turn);
  }

  refusedPort(turn: Turn): void {
    this.#tellNone(turn, 'nothing listens there');
    this.#state = { s: 'down', askMs: turn.nowMs + ASK_AGAIN_MS };
    this.#port.refused(turn);
  }

  silent(turn: Turn, why: string): void {
    const state = this.#state;
    this.#tellNone(turn, why);
    if (state.s === 'greeting') return;
    this.#state = { ...state, askMs: turn.nowMs + ASK_AGAIN_MS };
  }

  /** Who has mistyped an address must hear of it; who starts agents before the broker must not hear of it twice a second. */
  #tellNone(turn: Turn, why: string): void {
    const isFirst = this.#brokerBoot === null && !this.#toldNone;
    this.#toldNone ||= isFirst;
    turn.log(
      isFirst ? 'warn' : 'debug',
      `no broker answers${isFirst ? ' yet: it is asked until it does' : ''}: ${why}`,
    );
  }

  /** The transport lost its connection: it may be the broker's end. */
  dropped(turn: Turn): void {
    if (this.#state.s === 'up') this.#state = { ...this.#state, probeMs: turn.nowMs };
    this.due(turn);
  }

  /** Whatever the broker says is a sign of life; what is about the link itself is acted on here. */
  heard(turn: Turn, message: BrokerMessage): void {
    this.#heardMs = turn.nowMs;
    const state = this.#state;
    if (state.s === 'up') {
      this.#state = {
        ...state,
        probeMs: turn.nowMs + state.beatEveryMs * 1.5,
        askMs: turn.nowMs + this.#times.silenceMs,
      };
    }
    if (message.type === 'welcome') this.#welcome(turn, message.boot, message.beatMs);
    if (message.type === 'refuse') this.#refuse(turn, message);
    if (message.type === 'beat') this.#answered(turn);
  }

  #welcome(turn: Turn, boot: string, beatEveryMs: number): void {
    if (this.#state.s === 'down') return;
    const newBoot = boot !== this.#brokerBoot;
    // A repeated hello draws a second welcome: nothing has changed then.
    if (this.#state.s === 'up' && !newBoot) return;
    this.#brokerBoot = boot;
    this.#state = {
      s: 'up',
      beatEveryMs,
      beatMs: turn.nowMs,
      quick: QUICK_BEATS,
      probeMs: turn.nowMs + beatEveryMs * 1.5,
      askMs: turn.nowMs + this.#times.silenceMs,
    };
    this.#port.welcomed(turn, newBoot);
    this.due(turn);
  }

  #refuse(turn: Turn, refusal: FromBroker<'refuse'>): void {
    if (this.#state.s === 'up') {
      this.connected(turn);
      return;
    }
    // A beat that was still on its way draws this: the hello behind it will be answered.
    if (refusal.code === 'AGENT_UNKNOWN' || this.#state.s === 'down') return;
    turn.log('error', `the broker refused this agent: ${refusal.message}`);
    this.#state = { s: 'down', askMs: turn.nowMs + ASK_AGAIN_AFTER_REFUSAL_MS };
  }

  #answered(turn: Turn): void {
    const state = this.#state;
    if (state.s !== 'up' || state.quick === 0) return;
    this.#state = { ...state, beatMs: turn.nowMs };
    this.due(turn);
  }

  get nextMs(): number {
    const state = this.#state;
    switch (state.s) {
      case 'down':
        return state.askMs;
      case 'greeting':
        return earliest(state.helloMs, state.giveUpMs);
      default:
        return earliest(state.beatMs, state.probeMs, state.askMs);
    }
  }

  /** Does what has become due. */
  due(turn: Turn): void {
    const state = this.#state;
    const { nowMs } = turn;
    if (state.s === 'down') {
      if (nowMs >= state.askMs) this.#ask(turn);
      return;
    }
    if (state.s === 'greeting') {
      if (nowMs >= state.giveUpMs) {
        this.#ask(turn);
      } else if (nowMs >= state.helloMs) {
        this.#state = { ...state, helloMs: nowMs + HELLO_AGAIN_MS };
        turn.do({ type: 'send', message: this.#port.hello() });
      }
      return;
    }
    const beats = nowMs >= state.beatMs;
    const probes = nowMs >= state.probeMs;
    const asks = nowMs >= state.askMs;
    this.#state = {
      ...state,
      ...(beats ? { beatMs: nowMs + state.beatEveryMs, quick: Math.max(0, state.quick - 1) } : {}),
      ...(probes ? { probeMs: nowMs + PROBE_EVERY_MS } : {}),
      ...(asks ? { askMs: nowMs + CONNECT_PATIENCE_MS } : {}),
    };
    if (beats) {
      this.#seq += 1;
      this.#port.beat(turn, this.#seq);
    }
    if (probes) turn.do({ type: 'probe' });
    if (asks) turn.do({ type: 'connect' });
  }

  #ask(turn: Turn): void {
    this.#state = { s: 'down', askMs: turn.nowMs + CONNECT_PATIENCE_MS };
    turn.do({ type: 'connect' });
  }
}
