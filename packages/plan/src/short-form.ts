import { readStages } from './executors/stages.js';
import type { Reader } from './reader.js';
import type { ResolvedScenario, ScenarioBase } from './scenario.js';

/** Options that say how much load there is without naming a scenario. */
export const SHORT_FORM = ['vus', 'duration', 'iterations', 'stages', 'users', 'hits'] as const;

const BASE: ScenarioBase = {
  name: 'default',
  exec: 'default',
  startTimeMs: 0,
  gracefulStopMs: 30_000,
  env: {},
  tags: {},
  perAgent: false,
  after: null,
};
const TEN_MINUTES_MS = 600_000;
const DAY_MS = 86_400_000;

/** Reads the short forms; `besideScenarios` makes each of them a fault, for then nobody can tell what is meant. */
export const scenariosOfShortForm = (from: Reader, besideScenarios: boolean): readonly ResolvedScenario[] => {
  const given = SHORT_FORM.filter((name) => from.has(name));
  if (besideScenarios) {
    for (const name of given) {
      from.raw(name);
      from.fault(name, 'can not stand beside scenarios; put it into one of them');
    }
    return [];
  }
  if (from.has('users') || from.has('hits')) return cycles(from);
  if (from.has('stages')) return stages(from);
  const vus = from.whole('vus', 1, 1);
  const durationMs = from.durationMs('duration', 0);
  if (from.has('duration') && durationMs <= 0) from.fault('duration', 'must be longer than 0');
  for (const unused of ['stages', 'users', 'hits']) from.raw(unused);
  if (from.has('iterations')) {
    const iterations = from.whole('iterations', 1, 1);
    if (iterations < vus)
      from.fault('iterations', `must be at least as many as vus (${vus}), or some users have nothing to do`);
    return [
      {
        ...BASE,
        executor: 'shared-iterations',
        vus,
        iterations,
        maxDurationMs: durationMs > 0 ? durationMs : TEN_MINUTES_MS,
      },
    ];
  }
  from.raw('iterations');
  if (from.has('duration')) return [{ ...BASE, executor: 'constant-vus', vus, durationMs }];
  return [{ ...BASE, executor: 'per-vu-iterations', vus, iterations: 1, maxDurationMs: TEN_MINUTES_MS }];
};

const stages = (from: Reader): readonly ResolvedScenario[] => {
  for (const name of ['duration', 'iterations']) {
    from.raw(name);
    if (from.has(name)) from.fault(name, 'can not stand beside stages');
  }
  return [
    {
      ...BASE,
      executor: 'ramping-vus',
      startVUs: from.whole('vus', 1),
      stages: readStages(from, true),
      gracefulRampDownMs: 30_000,
    },
  ];
};

/** A list of the original: `10:20:30`. */
const list = (from: Reader, name: string): readonly number[] => {
  const given = from.raw(name);
  if (given === undefined) return [1];
  const parts = Array.isArray(given) ? given.map(Number) : String(given).split(':').map(Number);
  if (parts.length > 0 && parts.every((part) => Number.isSafeInteger(part) && part > 0)) return parts;
  from.fault(name, `must be numbers above 0 with colons between, like "10:20:30", not ${JSON.stringify(given)}`);
  return [1];
};

/**
 * The original's cycles: one stage of users after the other, each user running all hits in turn, or each stage lasting
 * for the duration. The numbers are for each agent.
 */
const cycles = (from: Reader): readonly ResolvedScenario[] => {
  for (const name of ['vus', 'iterations', 'stages']) {
    from.raw(name);
    if (from.has(name)) from.fault(name, "can not stand beside users and hits, the original's way to say the same");
  }
  if (from.has('hits') && from.has('duration')) from.fault('hits', 'can not stand beside duration');
  const users = list(from, 'users');
  const iterations = list(from, 'hits').reduce((sum, each) => sum + each, 0);
  const durationMs = from.durationMs('duration', 0);
  return users.map((vus, index) => {
    const base: ScenarioBase = { ...BASE, name: users.length === 1 ? 'default' : `stage-${index + 1}`, perAgent: true };
    if (from.has('duration'))
      return {
        ...base,
        executor: 'constant-vus',
        vus,
        durationMs,
        startTimeMs: index * durationMs,
        gracefulStopMs: 30_000,
      };
    return {
      ...base,
      executor: 'per-vu-iterations',
      vus,
      iterations,
      maxDurationMs: DAY_MS,
      after: index === 0 ? null : `stage-${index}`,
    };
  });
};
