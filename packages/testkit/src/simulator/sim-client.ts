import { type BundleHash, type ClientMessage, type RunId, type RunInfo, SubmitResult } from '@muster/protocol';
import type { ClientAnswer, Network } from './network.js';
import type { Random } from './random.js';
import type { Wish } from './schedule.js';
import type { ClientPort, World } from './world.js';

const AGAIN_MS = 1_500;
const TRY_AGAIN_MS = 1_000;
const TRIES = 5;
const BUNDLE = `sha256:${'0'.repeat(64)}` as BundleHash;

/** A client that wants one run: asks until it is answered, stops it perhaps, looks at it now and then, or vanishes. */
export class SimClient implements ClientPort {
  readonly #world: World;
  readonly #network: Network;
  readonly #random: Random;
  readonly #place: number;
  readonly #wish: Wish;
  readonly #name: string;
  #id = '';
  #tries = 0;
  #asking: ClientMessage | null = null;
  #isGone = false;
  /** The run that was accepted. */
  run: RunId | null = null;
  /** Nothing more is wanted. */
  isDone = false;

  constructor(world: World, network: Network, place: number, wish: Wish) {
    this.#world = world;
    this.#network = network;
    this.#random = world.random();
    this.#place = place;
    this.#wish = wish;
    this.#name = `client-${place}`;
    network.join(this.#name, this);
    world.time.at(wish.atMs, () => this.#submit());
    const { vanishesAfterMs } = wish;
    if (vanishesAfterMs !== null) world.time.at(wish.atMs + vanishesAfterMs, () => this.#vanish());
  }

  #vanish(): void {
    this.#isGone = true;
    this.isDone = true;
    this.#network.leave(this.#name);
  }

  #submit(): void {
    this.#tries += 1;
    this.#id = this.#random.hex(16);
    const { agents, settleMs, orphanMs } = this.#wish;
    this.#ask({
      type: 'submit',
      id: this.#id,
      bundle: BUNDLE,
      name: `wish-${this.#place}`,
      env: {},
      raw: 'none',
      minCoverage: 0.5,
      settleMs,
      orphan: { mode: orphanMs === 0 ? 'stop' : 'continue', leaseMs: orphanMs },
      observers: [],
      ...(agents === null ? {} : { agents }),
    });
  }

  /** Asks, and asks again under the same id until an answer comes. */
  #ask(message: ClientMessage): void {
    this.#asking = message;
    const again = (): void => {
      if (this.#isGone || this.#asking !== message) return;
      this.#network.ask(this.#name, message);
      this.#world.time.after(AGAIN_MS, again);
    };
    again();
  }

  answered(id: string, answer: ClientAnswer): void {
    this.#world.truth.note(() => `${this.#name} hears ${id}: ${JSON.stringify(answer).slice(0, 120)}`);
    if (id === this.#id) this.#answeredSubmit(answer);
    else if (id === this.#asking?.id) this.#asking = null;
    if ('result' in answer && Array.isArray(answer.result)) this.#look(answer.result as readonly RunInfo[]);
  }

  #answeredSubmit(answer: ClientAnswer): void {
    if ('code' in answer) {
      if (this.#asking?.id !== this.#id) return;
      this.#asking = null;
      if (answer.code !== 'NOT_ENOUGH_AGENTS' || this.#tries >= TRIES) this.isDone = true;
      else this.#world.time.after(TRY_AGAIN_MS, () => this.#submit());
      return;
    }
    const { run } = SubmitResult.parse(answer.result);
    if (this.run !== null && this.run !== run)
      this.#world.truth.fail('saved', `one submission was answered with ${this.run} and with ${run}`);
    if (this.run !== null) return;
    this.run = run;
    this.#asking = null;
    this.isDone = true;
    const { stopAtMs, forceAtMs } = this.#wish;
    if (stopAtMs !== null) this.#world.time.after(stopAtMs, () => this.#stop(run, false));
    if (forceAtMs !== null) this.#world.time.after(forceAtMs, () => this.#stop(run, true));
    this.#world.time.after(this.#random.between(500, 4_000), () => {
      if (!this.#isGone) this.#ask({ type: 'runs', id: this.#random.hex(16), limit: 100 });
    });
  }

  #stop(run: RunId, force: boolean): void {
    if (!this.#isGone) this.#ask({ type: 'stop', id: this.#random.hex(16), run, reason: 'the client stops it', force });
  }

  /** What others see of a run fits what was seen of it before. */
  #look(runs: readonly RunInfo[]): void {
    for (const { id, verdict, exitCode, reason } of runs)
      if (verdict !== null) this.#world.truth.ended(id, verdict, exitCode, reason);
  }
}
