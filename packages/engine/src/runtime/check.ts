import type { Frame } from '../load/virtual-user.js';

/**
 * k6's `check`: counts each named condition, says whether all held; one that throws did not hold, and is told. Nor did one
 * of a promise, or that answers with one: somebody forgot to await, and a promise by itself counts as true.
 */
export const check = <T>(
  frame: Frame,
  value: T,
  checks: Readonly<Record<string, (value: T) => unknown>>,
  tags: Readonly<Record<string, string>> | undefined,
): boolean => {
  if (frame.cancelled) return false;
  const { recorder, name: scenario } = frame.user.scenario;
  const nowMs = performance.now();
  let all = true;
  for (const name of Object.keys(checks)) {
    let passed = false;
    try {
      passed = holds(value, checks[name]);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      recorder.error('CHECK_THREW', `check "${name}": ${why}`, null, scenario, nowMs);
    }
    recorder.touch(nowMs);
    frame.place.check(name, tags).add(passed);
    all &&= passed;
  }
  return all;
};

const holds = <T>(value: T, condition: ((value: T) => unknown) | undefined): boolean => {
  if (isPromise(value)) throw new TypeError('it was given a promise: await the request, and check what that gives');
  const answer = condition?.(value);
  if (!isPromise(answer)) return Boolean(answer);
  answer.then(undefined, () => undefined);
  throw new TypeError('it answers with a promise: await before the check, which takes an answer at once');
};

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
