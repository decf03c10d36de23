import type { Weather } from './pipe.js';
import { Random } from './random.js';

/** Something that goes wrong, and when. */
export type Trouble =
  /** The process dies `effects` effects after the first one that follows this instant, and is started again, or never. */
  | { readonly kind: 'broker dies'; readonly atMs: number; readonly effects: number; readonly backAfterMs: number }
  | {
      readonly kind: 'agent dies';
      readonly atMs: number;
      readonly agent: number;
      readonly effects: number;
      readonly backAfterMs: number | null;
    }
  | { readonly kind: 'broker stands still'; readonly atMs: number; readonly forMs: number }
  | {
      readonly kind: 'agent stands still';
      readonly atMs: number;
      readonly agent: number;
      readonly forMs: number;
      readonly withWorkers: boolean;
    }
  | { readonly kind: 'worker blocks'; readonly atMs: number; readonly agent: number; readonly forMs: number }
  | { readonly kind: 'worker dies'; readonly atMs: number; readonly agent: number }
  | {
      readonly kind: 'link is cut';
      readonly atMs: number;
      readonly agent: number;
      readonly forMs: number;
      readonly breaks: boolean;
    }
  | { readonly kind: 'disk is slow'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'agent is told to quit'; readonly atMs: number; readonly agent: number };

/** An agent of the simulated world. */
export interface AgentShape {
  readonly workers: number;
  readonly clockOffsetMs: number;
  readonly drift: number;
  readonly toBroker: Weather;
  readonly toAgent: Weather;
}

/** A run that a client wants. */
export interface Wish {
  readonly atMs: number;
  readonly agents: number | null;
  readonly rate: number;
  readonly durationMs: number;
  /** Iterations that all agents share, beside the schedule; 0: none. */
  readonly shared: number;
  readonly setup: boolean;
  readonly teardown: boolean;
  readonly handleSummary: boolean;
  /** The script's workers claim, make a value once, and meet. */
  readonly agree: boolean;
  readonly wrong: 'options' | 'setup' | null;
  readonly abortsAtMs: number | null;
  readonly stopAtMs: number | null;
  readonly forceAtMs: number | null;
  readonly crossesAtMs: number | null;
  readonly settleMs: number;
  readonly orphanMs: number;
  /** The client is gone this long after it asked, heard or not; null: stays. */
  readonly vanishesAfterMs: number | null;
}

/** Everything that is decided beforehand about one simulated world; the rest is drawn while it goes on. */
export interface Schedule {
  readonly seed: number;
  readonly agents: readonly AgentShape[];
  readonly brokerClock: { readonly offsetMs: number; readonly drift: number };
  readonly saveMs: number;
  readonly storeMs: number;
  readonly wishes: readonly Wish[];
  readonly troubles: readonly Trouble[];
  /** Every message is really encoded, checked against its schema, and decoded. */
  readonly onTheWire: boolean;
}

/** Nothing is wrong any more after this instant. */
export const TROUBLE_ENDS_MS = 20_000;
const LAST_TROUBLE_MS = TROUBLE_ENDS_MS - 6_000;
/** Two machines' clocks run apart by twice this at most; agents reckon with 100e-6. */
const DRIFT = 50e-6;

const drawWeather = (random: Random, rough: boolean): Weather => ({
  delayMs: random.chance(0.3) ? random.between(0, 40) : random.between(0, 2),
  jitterMs: random.chance(0.3) ? random.between(0, 60) : random.between(0, 3),
  spikeMs: random.chance(0.3) ? random.between(0, 1_500) : 0,
  loss: rough && random.chance(0.5) ? random.between(0, 0.05) : 0,
  repeats: rough && random.chance(0.5) ? random.between(0, 0.05) : 0,
});

const drawAgent = (random: Random, rough: boolean): AgentShape => ({
  workers: random.whole(1, 2),
  clockOffsetMs: random.between(1e4, 2e6),
  drift: random.between(-DRIFT, DRIFT),
  toBroker: drawWeather(random, rough),
  toAgent: drawWeather(random, rough),
});

const drawWish = (random: Random, agents: number, atMs: number): Wish => {
  const stopAtMs = random.chance(0.12) ? random.between(0, 6_000) : null;
  return {
    atMs,
    agents: random.chance(0.6) ? random.whole(1, agents) : null,
    rate: random.whole(3, 25),
    durationMs: random.whole(5, random.chance(0.5) ? 40 : 100) * 100,
    shared: random.chance(0.3) ? random.whole(1, 60) : 0,
    setup: random.chance(0.4),
    teardown: random.chance(0.3),
    handleSummary: random.chance(0.2),
    agree: random.chance(0.3),
    wrong: random.chance(0.04) ? random.one(['options', 'setup']) : null,
    abortsAtMs: random.chance(0.04) ? random.between(0, 4_000) : null,
    stopAtMs,
    forceAtMs: stopAtMs !== null && random.chance(0.4) ? stopAtMs + random.between(0, 1_000) : null,
    crossesAtMs: random.chance(0.04) ? random.between(500, 4_000) : null,
    settleMs: random.whole(3, 30) * 100,
    orphanMs: random.chance(0.3) ? 0 : random.whole(10, 40) * 100,
    vanishesAfterMs: random.chance(0.15) ? random.between(0, 3_000) : null,
  };
};

/** @param focusMs where most of it comes together: what is rare is two troubles at one time */
const drawTrouble = (random: Random, agents: number, focusMs: number): Trouble => {
  const atMs = random.chance(0.75) ? focusMs + random.between(0, 3_500) : random.between(0, LAST_TROUBLE_MS);
  const agent = random.whole(0, agents - 1);
  const forMs = random.chance(0.5) ? random.between(0, 1_500) : random.between(1_500, 6_000);
  switch (random.whole(0, 13)) {
    case 0:
    case 1:
      return { kind: 'broker dies', atMs, effects: random.whole(0, 30), backAfterMs: random.between(0, 4_000) };
    case 2:
    case 3: {
      const backAfterMs = random.chance(0.7) ? random.between(0, 4_000) : null;
      return { kind: 'agent dies', atMs, agent, effects: random.whole(0, 30), backAfterMs };
    }
    case 4:
      return { kind: 'broker stands still', atMs, forMs };
    case 5:
    case 6:
      return { kind: 'agent stands still', atMs, agent, forMs, withWorkers: random.chance(0.4) };
    case 7:
      return { kind: 'worker blocks', atMs, agent, forMs };
    case 8:
      return { kind: 'worker dies', atMs, agent };
    case 9:
    case 10:
    case 11:
      return { kind: 'link is cut', atMs, agent, forMs, breaks: random.chance(0.5) };
    case 12:
      return { kind: 'disk is slow', atMs, forMs };
    default:
      return { kind: 'agent is told to quit', atMs, agent };
  }
};

/** Draws a world from a seed. */
export const drawSchedule = (seed: number): Schedule => {
  const random = new Random(seed);
  const count = random.whole(1, 5);
  const rough = random.chance(0.3);
  const wishes = Array.from({ length: random.chance(0.8) ? 1 : 2 }, (_, n) =>
    drawWish(random, count, n === 0 ? random.between(50, 600) : random.between(50, 6_000)),
  );
  const focusMs = random.between(500, 8_000);
  const troubles = Array.from({ length: random.whole(0, random.chance(0.5) ? 3 : 8) }, () =>
    drawTrouble(random, count, focusMs),
  );
  return {
    seed,
    agents: Array.from({ length: count }, () => drawAgent(random, rough)),
    brokerClock: { offsetMs: random.between(1e4, 2e6), drift: random.between(-DRIFT, DRIFT) },
    saveMs: random.chance(0.2) ? random.between(0, 200) : random.between(0, 10),
    storeMs: random.chance(0.2) ? random.between(0, 400) : random.between(0, 20),
    wishes,
    troubles: troubles.sort((a, b) => a.atMs - b.atMs),
    onTheWire: random.chance(1 / 16),
  };
};
