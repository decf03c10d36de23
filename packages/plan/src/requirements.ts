import type { ResolvedOptions } from './resolve-options.js';
import { activeMsOf, isArrival, iterationsOf, maxVusOf, type ResolvedScenario } from './scenario.js';
import { scheduleOf } from './schedule.js';
import { agentStripe, countIn } from './stripe.js';

/** What a scenario needs. */
export interface ScenarioRequirements {
  readonly name: string;
  /** Most users at one time. */
  readonly maxVus: number;
  /** Iterations that are planned; null where users iterate as fast as they can, or claim what they run. */
  readonly iterations: number | null;
  /** Latest start and latest end on the run's clock; the end with the graceful stop. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What a test needs. */
export interface Requirements {
  readonly scenarios: readonly ScenarioRequirements[];
  /** Most users at one time, of all scenarios that can be at work together. */
  readonly maxVus: number;
  /** Null when any scenario's number is not known. */
  readonly iterations: number | null;
  /** When the load has ended at the latest. */
  readonly endMs: number;
}

/** What the whole cluster needs; scenarios that count per agent are multiplied. */
export const requirementsOf = (options: ResolvedOptions, agents = 1): Requirements =>
  sumUp(options, (scenario) => {
    const times = scenario.perAgent ? agents : 1;
    const planned = isArrival(scenario) ? scheduleOf(scenario).slots : iterationsOf(scenario);
    return { vus: maxVusOf(scenario) * times, iterations: planned === null ? null : planned * times };
  });

/**
 * What one agent needs, by its place among the agents. An arrival rate that has a slot for the agent has a user there
 * too, so over many agents there can be more users than `maxVUs` says: a slot without any user could only be dropped.
 */
export const agentRequirementsOf = (options: ResolvedOptions, place: number, agents: number): Requirements =>
  sumUp(options, (scenario) => {
    const share = (total: number) => (scenario.perAgent ? total : countIn(agentStripe(place, agents), total));
    const vus = share(maxVusOf(scenario));
    if (isArrival(scenario)) {
      const slots = share(scheduleOf(scenario).slots);
      return { vus: slots > 0 ? Math.max(1, vus) : 0, iterations: slots };
    }
    switch (scenario.executor) {
      case 'per-vu-iterations':
        return { vus, iterations: vus * scenario.iterations };
      case 'shared-iterations':
        return { vus, iterations: agents === 1 ? scenario.iterations : null };
      default:
        return { vus, iterations: null };
    }
  });

interface Part {
  readonly vus: number;
  readonly iterations: number | null;
}

const sumUp = (options: ResolvedOptions, partOf: (scenario: ResolvedScenario) => Part): Requirements => {
  const byName = new Map<string, ScenarioRequirements>();
  for (const scenario of options.scenarios) {
    const { name } = scenario;
    const before = scenario.after === null ? undefined : byName.get(scenario.after);
    const startMs = before?.endMs ?? scenario.startTimeMs;
    const endMs = startMs + activeMsOf(scenario) + scenario.gracefulStopMs;
    const { vus, iterations } = partOf(scenario);
    byName.set(name, { name, maxVus: vus, iterations, startMs, endMs });
  }
  const scenarios = [...byName.values()];
  return {
    scenarios,
    maxVus: mostAtOnce(chainsOf(options.scenarios, byName)),
    iterations: scenarios.reduce<number | null>(
      (sum, { iterations }) => (sum === null || iterations === null ? null : sum + iterations),
      0,
    ),
    endMs: scenarios.reduce((latest, { endMs }) => Math.max(latest, endMs), 0),
  };
};

type Span = Pick<ScenarioRequirements, 'maxVus' | 'startMs' | 'endMs'>;

/** Scenarios that follow each other are never at work together, but nobody knows when one gives way: one span for all. */
const chainsOf = (
  scenarios: readonly ResolvedScenario[],
  byName: ReadonlyMap<string, ScenarioRequirements>,
): readonly Span[] => {
  const heads = new Map<string, string>();
  const spans = new Map<string, Span>();
  for (const { name, after } of scenarios) {
    const head = (after === null ? undefined : heads.get(after)) ?? name;
    heads.set(name, head);
    const own = byName.get(name);
    const span = spans.get(head) ?? own;
    if (own === undefined || span === undefined) continue;
    spans.set(head, {
      maxVus: Math.max(span.maxVus, own.maxVus),
      startMs: Math.min(span.startMs, own.startMs),
      endMs: Math.max(span.endMs, own.endMs),
    });
  }
  return [...spans.values()];
};

/** The greatest sum of users over time; a span that ends where another begins is not at work with it. */
const mostAtOnce = (spans: readonly Span[]): number => {
  const changes = spans
    .flatMap(({ startMs, endMs, maxVus }) => [
      { atMs: startMs, by: maxVus },
      { atMs: endMs, by: -maxVus },
    ])
    .sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};
