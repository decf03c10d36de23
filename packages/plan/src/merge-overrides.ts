/** Options that say how much load there is without naming a scenario. */
export const SHORT_FORM = ['vus', 'duration', 'iterations', 'stages', 'users', 'hits'] as const;

type LoadOption = (typeof SHORT_FORM)[number] | 'scenarios';

/**
 * What each override leaves standing of what the script says of the load. As in k6, how long it goes on (`duration`,
 * `iterations`, `stages`, `scenarios`) replaces all of that kind, while `vus` alone only changes how many there are.
 * `users` and `hits` are the original's words for the same two things.
 */
const KEEPS: Readonly<Record<LoadOption, readonly LoadOption[]>> = {
  vus: ['duration', 'iterations', 'stages'],
  users: ['duration', 'hits'],
  duration: ['vus', 'users'],
  iterations: ['vus'],
  stages: ['vus'],
  hits: ['users'],
  scenarios: [],
};
const LOAD_OPTIONS = Object.keys(KEEPS) as readonly LoadOption[];

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/**
 * The script's options with the overrides laid over them. An override that is undefined or null is none; what two
 * overrides say against each other stays, for the author to be told.
 */
export const mergeOverrides = (
  exported: Readonly<Record<string, unknown>>,
  overrides: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => {
  const loads = LOAD_OPTIONS.filter((name) => isGiven(overrides[name]));
  const replaced = new Set<string>(LOAD_OPTIONS.filter((name) => loads.some((load) => !KEEPS[load].includes(name))));
  const kept = Object.entries(exported).filter(([name]) => !replaced.has(name));
  const given = Object.entries(overrides).filter(([, value]) => isGiven(value));
  return Object.fromEntries([...kept, ...given]);
};
