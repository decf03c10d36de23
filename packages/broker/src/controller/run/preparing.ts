import { type ResolvedOptions, resolveOptions } from '@muster/plan';
import { hasReached, type Member } from '../run-record.js';
import type { Turn } from '../turn.js';
import { longestMs } from './duration.js';
import type { Prepared, Run } from './run.js';
import { breakRun } from './settling.js';

const plural = (count: number): string => `${count} agent${count === 1 ? '' : 's'}`;

/** The run has its agents: they load the bundle. */
export const beginPreparing = (run: Run, turn: Turn): void => {
  run.deadlineMs = turn.nowMs + run.port.config.prepareMs;
  run.event(turn, 'plan', `${plural(run.record.members.length)} reserved`);
  run.publishState(turn, 'the agents load the bundle');
  run.tellAll(turn);
};

/**
 * A member has loaded the bundle. What the first member found there decides for all; custom metrics count whoever
 * declares them, for a file may do so by what it finds on its machine.
 */
export const memberPrepared = (run: Run, turn: Turn, member: Member, message: Prepared): void => {
  if (hasReached(member, 'prepared')) return;
  run.setMember(member.id, { progress: 'prepared' });
  if (run.record.members[0]?.id === member.id) run.prepared = message;
  const contradiction = declare(run, member.id, message.metrics);
  if (contradiction !== null) {
    breakRun(run, turn, { code: 'BAD_OPTIONS', message: contradiction, where: null }, true);
    return;
  }
  const { step, members } = run.record;
  if (step !== 'loading' || run.prepared === null || !members.every((each) => hasReached(each, 'prepared'))) return;
  resolve(run, turn, run.prepared);
};

/** Takes up what a member declares; says so if another member means something else by the same name. */
const declare = (run: Run, agent: string, metrics: Prepared['metrics']): string | null => {
  for (const metric of metrics) {
    const known = run.declared.get(metric.name);
    if (known === undefined) run.declared.set(metric.name, { metric, agent });
    else if (known.metric.type !== metric.type || known.metric.isTime !== metric.isTime)
      return `the metric "${metric.name}" is ${kindOf(known.metric)} on ${known.agent} and ${kindOf(metric)} on ${agent}`;
  }
  return null;
};
const kindOf = ({ type, isTime }: Prepared['metrics'][number]): string => `a ${type}${isTime ? ' of times' : ''}`;

const resolve = (run: Run, turn: Turn, { options, functions }: Prepared): void => {
  const metrics = [...run.declared.values()].map(({ metric }) => metric);
  const resolved = resolveOptions(options ?? undefined, run.record.overrides, { functions, metrics });
  if (!resolved.ok) {
    const faults = resolved.faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    const message = `the options of ${run.record.name} are wrong: ${faults.join('; ')}`;
    breakRun(run, turn, { code: 'BAD_OPTIONS', message, where: null }, true);
    return;
  }
  makeUsers(run, turn, resolved.options, functions);
};

/** Plan 0: users are made, `setup` is run once. */
const makeUsers = (run: Run, turn: Turn, options: ResolvedOptions, functions: readonly string[]): void => {
  const members = run.record.members.map((member) => member.id);
  run.go('prepared', { options, functions, plans: [{ generation: 0, fromMs: 0, members }] });
  const setupMs = functions.includes('setup') ? options.setupTimeoutMs : 0;
  run.deadlineMs = turn.nowMs + run.port.config.readyMs + setupMs;
  run.tellAll(turn);
};

/** A member has its users and the value of `setup`. */
export const memberReady = (run: Run, turn: Turn, member: Member): void => {
  if (hasReached(member, 'ready')) return;
  run.setMember(member.id, { progress: 'ready' });
  if (run.record.step === 'making' && run.record.members.every((each) => hasReached(each, 'ready'))) start(run, turn);
};

/** Plan 1: all start at one instant. */
const start = (run: Run, turn: Turn): void => {
  const { startAfterMs, overdueMs } = run.port.config;
  const members = run.record.members.map((member) => member.id);
  const startAtMs = turn.nowMs + startAfterMs;
  run.go('ready', {
    startAtMs,
    startedAt: new Date(turn.wallMs + startAfterMs).toISOString(),
    plans: [...run.record.plans, { generation: 1, fromMs: 0, members }],
  });
  run.deadlineMs = startAtMs + longestMs(run.record) + overdueMs;
  run.event(turn, 'plan', `${plural(members.length)} start`, { generation: 1 });
  run.publishState(turn, 'every agent is ready');
  run.tellAll(turn);
};

/** Preparing took too long. */
export const preparingIsLate = (run: Run, turn: Turn): void => {
  const loading = run.record.step === 'loading';
  const late = run.record.members.filter((member) => !hasReached(member, loading ? 'prepared' : 'ready'));
  const names = late.map((member) => member.id).join(', ');
  const fault = loading
    ? { code: 'PREPARE_TIMEOUT', message: `${names} did not load the bundle in time`, where: null }
    : { code: 'READY_TIMEOUT', message: `${names} did not become ready in time`, where: null };
  breakRun(run, turn, fault, true);
};
