import { activeMsOf, type ConstantVus, type RampingVus } from './scenario.js';

/**
 * How many users a scenario has at an instant, in the whole cluster: in each stage whole steps at even distances from
 * the number before it to its target, the last step at the stage's end (k6's ramp).
 */
export const vusAt = (scenario: ConstantVus | RampingVus, scenarioMs: number): number => {
  if (scenarioMs < 0 || scenarioMs >= activeMsOf(scenario)) return 0;
  if (scenario.executor === 'constant-vus') return scenario.vus;
  let from = scenario.startVUs;
  let at = 0;
  for (const stage of scenario.stages) {
    if (scenarioMs < at + stage.durationMs)
      return (
        from +
        Math.trunc(
          ((stage.target - from) * (scenarioMs - at)) / stage.durationMs + (stage.target >= from ? 1e-9 : -1e-9),
        )
      );
    at += stage.durationMs;
    from = stage.target;
  }
  return from;
};

/** The next instant after this one at which the number changes; infinite when it does not. */
export const nextChangeMs = (scenario: ConstantVus | RampingVus, scenarioMs: number): number => {
  if (scenarioMs < 0) return 0;
  const end = activeMsOf(scenario);
  if (scenarioMs >= end) return Number.POSITIVE_INFINITY;
  if (scenario.executor === 'constant-vus') return end;
  let from = scenario.startVUs;
  let at = 0;
  for (const stage of scenario.stages) {
    const stop = at + stage.durationMs;
    if (scenarioMs < stop) {
      const steps = Math.abs(stage.target - from);
      if (steps === 0) return stop;
      const width = stage.durationMs / steps;
      const next = at + (Math.floor((scenarioMs - at) / width + 1e-9) + 1) * width;
      return next >= stop - 1e-6 ? stop : next;
    }
    at = stop;
    from = stage.target;
  }
  return end;
};
