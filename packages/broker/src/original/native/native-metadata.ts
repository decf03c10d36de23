import { maxVusOf } from '@muster/plan';
import type { RunRecord } from '../../controller/run-record.js';
import { plannedMsOf } from '../../results/progress.js';
import type { OriginalMetadata } from '../original-results.js';
import { hitsOf } from './native-look.js';

/** Options and state of a run of ours by the original's names; what it has no name for is beside them. */
export const nativeMetadata = (record: RunRecord, hasData: boolean): OriginalMetadata => {
  const { options, startedAt, submittedAt, endedAt } = record;
  const over = record.step === 'finished';
  const scenarios = options?.scenarios ?? [];
  const plannedMs = options === null ? null : plannedMsOf(options);
  return {
    fqn: record.name,
    run_id: record.id,
    agents: record.members.length,
    users: scenarios.map(maxVusOf),
    ...(plannedMs === null ? { hits: scenarios.map(hitsOf) } : { duration: plannedMs / 1_000 }),
    observer: record.observers,
    started: seconds(startedAt ?? submittedAt),
    active: !over,
    ...(over ? { stopped: true, ended: seconds(endedAt ?? submittedAt) } : {}),
    ...(hasData ? { has_data: 1 } : {}),
    state: record.state,
    seed: record.seed,
    ...(over ? { verdict: record.verdict, exit_code: record.exitCode, reason: record.reason } : {}),
    // Without the environment, which may hold secrets.
    options: options === null ? null : { ...options, scenarios: scenarios.map(({ env: _, ...scenario }) => scenario) },
  };
};

const seconds = (instant: string): number => Date.parse(instant) / 1_000;
