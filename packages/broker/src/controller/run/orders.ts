import type { PlanShape } from '@muster/plan';
import type { AgentId, BrokerMessage } from '@muster/protocol';
import type { Member, RunRecord } from '../run-record.js';
import { isOver } from './run-life.js';

/**
 * Everything that a member is to be told and has not confirmed, in order; nothing when it knows all. Harmless when it
 * knows it already, so it is said again until the member reacts.
 */
export const ordersFor = (run: RunRecord, member: Member): readonly BrokerMessage[] => {
  if (member.released) return [];
  if (run.step === 'finished' || member.lost) return [{ type: 'forget', run: run.id }];
  if (member.progress === 'finished') return [];
  if (isOver(run.step)) return [{ type: 'abort', run: run.id, reason: whyOf(run) }];
  return [
    ...(member.progress === 'reserved' ? [prepareOf(run)] : []),
    ...run.plans.filter((plan) => plan.generation > member.acked).map((plan) => planOf(run, plan)),
    ...(run.stop === null ? [] : [{ type: 'stop', run: run.id, reason: run.stop.reason } as const]),
  ];
};

const whyOf = (run: RunRecord): string => run.fault?.message ?? run.stop?.reason ?? 'the run is over';

/** The order to load the bundle. An agent that had the run and has it no more answers it with `slot.released`. */
export const prepareOf = (run: RunRecord): BrokerMessage => ({
  type: 'prepare',
  run: run.id,
  name: run.name,
  bundle: run.bundle,
  env: { ...run.env },
  seed: run.seed,
  raw: run.raw,
  orphan: run.orphan,
});

const planOf = (run: RunRecord, { generation, fromMs, members }: PlanShape): BrokerMessage => ({
  type: 'plan',
  run: run.id,
  generation,
  fromMs,
  startAtMs: generation === 0 ? null : run.startAtMs,
  members: members as AgentId[],
  ...(generation === 0 ? { options: run.options } : {}),
});
