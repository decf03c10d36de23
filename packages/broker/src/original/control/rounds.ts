import type { TellingParts } from './control-parts.js';
import type { OrderBody } from './events.js';
import type { Work } from './known-agents.js';
import { Heartbeat, Rhythm } from './rhythm.js';

/** Idle agents are looked at once in so many polls. */
const IDLE_POLLS = 4;
/** Shows whether an agent is there. Unlike `_STATUS` its answer is not kept for those who ask, as in the original. */
const LOOK: OrderBody = { command: 'STATUS' };

/** What rounds need of the controller. */
export interface RoundsPort extends TellingParts {
  /** The agent works for its run no more. */
  endWork(agent: string): void;
  /** An agent of the original is not there any more. */
  signOff(agent: string, why: string): void;
}

/** What the broker says by itself, every so often: it asks agents what they do, and tells all that it lives. */
export class Rounds {
  readonly #port: RoundsPort;
  readonly #polls: Rhythm;
  readonly #beats: Rhythm;
  readonly #heartbeat = new Heartbeat();
  #polled = 0;

  constructor(port: RoundsPort) {
    this.#port = port;
    this.#polls = new Rhythm(port.config.pollMs);
    this.#beats = new Rhythm(port.config.beatMs);
  }

  due(): void {
    const { nowMs } = this.#port.now();
    for (const { agent, confirmByMs } of this.#port.agents.allSigned())
      if (confirmByMs !== null && nowMs >= confirmByMs) this.#port.signOff(agent, 'it did not sign on again');
    if (this.#polls.isDue(nowMs)) this.#poll(nowMs);
    if (this.#port.config.heartbeat && this.#beats.isDue(nowMs)) this.#beat(nowMs);
  }

  #poll(nowMs: number): void {
    const { agents, runs, config } = this.#port;
    const orders = new Map<string | null, OrderBody>([[null, { command: '_STATUS' }]]);
    const orderOf = (run: string | null): OrderBody => {
      const order = orders.get(run) ?? { command: '_STATUS', run_id: run };
      orders.set(run, order);
      return order;
    };
    for (const [agent, work] of agents.works()) {
      if (work.run !== null && runs.get(work.run)?.step === 'opening') continue;
      if (work.heardMs !== null && nowMs - work.heardMs > config.agentTimeoutMs) this.#timeOut(agent, work);
      else {
        work.heardMs ??= nowMs;
        this.#port.tell(agent, orderOf(work.run));
      }
    }
    this.#polled += 1;
    if (this.#polled % IDLE_POLLS !== 0) return;
    agents.sweep();
    for (const { agent } of agents.allSigned()) if (agents.work(agent) === undefined) this.#port.tell(agent, LOOK);
  }

  /** A native agent is not sent away: its workers end, and it goes on. */
  #timeOut(agent: string, work: Work): void {
    const why = `it did not answer for ${this.#port.config.agentTimeoutMs} ms`;
    this.#port.do({ type: 'log', level: 'warn', text: `agent ${agent} loses run ${work.run}: ${why}` });
    if (work.native) {
      this.#port.tell(agent, work.run === null ? { command: 'STOP' } : { command: 'STOP', run_id: work.run });
      this.#port.endWork(agent);
      return;
    }
    this.#port.tell(agent, { command: 'QUIT' });
    this.#port.signOff(agent, why);
  }

  /** Like the original, `REGISTER` makes agents sign on again; unlike there, none is dropped that works. */
  #beat(nowMs: number): void {
    const { agents, config } = this.#port;
    const text = this.#heartbeat.next();
    this.#port.do({ type: 'beat', text });
    if (text !== 'REGISTER') return;
    for (const agent of agents.allSigned())
      if (agents.work(agent.agent) === undefined) agent.confirmByMs ??= nowMs + config.confirmMs;
  }
}
