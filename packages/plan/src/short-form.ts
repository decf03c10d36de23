import { MAX_CYCLES, MAX_VUS } from './bounds.js';
import { DEFAULT_MAX_DURATION_MS } from './executors/max-duration.js';
import { readStages } from './executors/stages.js';
import { show } from './fault.js';
import { SHORT_FORM } from './merge-overrides.js';
import type { Reader } from './reader.js';
import type { ResolvedScenario, ScenarioBase } from './scenario.js';

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
  const vus = from.users('vus', 1, 1);
  const durationMs = from.has('duration') ? from.lastingMs('duration', 1_000) : null;
  from.raw('duration');
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
        maxDurationMs: durationMs ?? DEFAULT_MAX_DURATION_MS,
      },
    ];
  }
  from.raw('iterations');
  if (durationMs !== null) return [{ ...BASE, executor: 'constant-vus', vus, durationMs }];
  return [{ ...BASE, executor: 'per-vu-iterations', vus, iterations: 1, maxDurationMs: DEFAULT_MAX_DURATION_MS }];
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
      startVUs: from.users('vus', 1),
      stages: readStages(from, 'users'),
      gracefulRampDownMs: 30_000,
    },
  ];
};

/** A list of the original: `10:20:30`. */
const list = (from: Reader, name: string): readonly number[] => {
  const given = from.raw(name);
  if (given === undefined) return [1];
  const parts = Array.isArray(given) ? given : typeof given === 'string' ? given.split(':') : [given];
  const numbers = parts.map(wholeNumber);
  const fine = numbers.filter((each) => each !== null);
  if (fine.length === numbers.length && fine.length > 0 && fine.length <= MAX_CYCLES) return fine;
  const must = `must be up to ${MAX_CYCLES} numbers above 0 with colons between, like "10:20:30"`;
  from.fault(name, `${must}, not ${show(given)}`);
  return [1];
};

const wholeNumber = (given: unknown): number | null => {
  if (typeof given === 'string' && !/^ *\d{1,15} *$/.test(given)) return null;
  const number = typeof given === 'string' || typeof given === 'number' ? Number(given) : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : null;
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
  const most = users.reduce((sum, each) => Math.max(sum, each), 0);
  if (most > MAX_VUS) from.fault('users', `must be at most ${MAX_VUS} in each stage`);
  const iterations = list(from, 'hits').reduce((sum, each) => sum + each, 0);
  if (!Number.isSafeInteger(iterations * most)) from.fault('hits', 'are more in all than can be counted');
  const durationMs = from.has('duration') ? from.lastingMs('duration', 1_000) : null;
  from.raw('duration');
  return users.map((vus, index) => {
    const base: ScenarioBase = { ...BASE, name: users.length === 1 ? 'default' : `stage-${index + 1}`, perAgent: true };
    if (durationMs !== null)
      return { ...base, executor: 'constant-vus', vus, durationMs, startTimeMs: index * durationMs };
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
