import { isRecord, Reader } from '../reader.js';
import type { Stage } from '../scenario.js';

/** Reads `stages: [{ duration, target }]`. Targets are whole numbers of users, or rates, which may have fractions. */
export const readStages = (from: Reader, targets: 'users' | 'rate'): readonly Stage[] => {
  const given = from.raw('stages');
  if (!Array.isArray(given) || given.length === 0) {
    from.fault('stages', 'must be a list of at least one { duration, target }');
    return [{ durationMs: 1_000, target: 1 }];
  }
  const stages = given.map((each: unknown, index): Stage => {
    const path = `${from.at('stages')}.${index}`;
    if (!isRecord(each)) {
      from.faults.add(path, 'must be { duration, target }');
      return { durationMs: 0, target: 0 };
    }
    const stage = new Reader(each, path, from.faults);
    stage.need('duration');
    stage.need('target');
    const read = {
      durationMs: stage.durationMs('duration', 0),
      target: targets === 'users' ? stage.users('target', 0) : stage.rate('target', 0),
    };
    stage.end();
    return read;
  });
  if (stages.every((stage) => stage.durationMs === 0)) from.fault('stages', 'must last longer than 0 in all');
  return stages;
};
