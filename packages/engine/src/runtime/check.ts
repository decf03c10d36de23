import type { Frame } from '../load/virtual-user.js';

/** k6's `check`: counts each named condition, says whether all held; one that throws did not hold, and is told. */
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
      passed = Boolean(checks[name]?.(value));
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
