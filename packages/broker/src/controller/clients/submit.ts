import type { ClientMessage } from '@muster/protocol';
import type { KnownAgent, Registry } from '../agents/registry.js';
import { reserve } from '../agents/reservation.js';
import type { ResolvedConfig } from '../controller-config.js';
import type { FreshRun } from '../events.js';
import type { Member, RunRecord } from '../run-record.js';
import { type Outcome, refuse } from './repeats.js';

export type SubmitMessage = Extract<ClientMessage, { type: 'submit' }>;

/** What a submission is judged by. */
export interface SubmitContext {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  /** Runs that are not finished. */
  readonly runs: number;
  readonly submittedAt: string;
}

/** The record of a new run, its agents reserved, or why there is none. */
export const admit = (
  message: SubmitMessage,
  fresh: FreshRun,
  { config, registry, runs, submittedAt }: SubmitContext,
): RunRecord | Outcome => {
  if (fresh.bundleSize === null)
    return refuse('BUNDLE_UNKNOWN', `this broker does not hold the bundle ${message.bundle}: upload it first`);
  const { observers, observerOptions } = message;
  const refusal = config.refuseObservers({ names: observers, options: observerOptions ?? {} });
  if (refusal !== null) return refuse(refusal.code, refusal.message);
  if (runs >= config.maxRuns) return refuse('TOO_MANY_RUNS', `${config.maxRuns} runs go on already`);
  const reserved = reserve(registry, fresh.run, message.agents);
  if (!reserved.ok) return refuse('NOT_ENOUGH_AGENTS', reserved.message);
  return {
    id: fresh.run,
    name: message.name,
    bundle: { hash: message.bundle, size: fresh.bundleSize },
    overrides: message.options ?? {},
    env: message.env,
    raw: message.raw,
    minCoverage: message.minCoverage,
    settleMs: message.settleMs,
    orphan: message.orphan,
    seed: message.seed ?? fresh.seed,
    observers,
    observerOptions: observerOptions ?? {},
    submittedAt,
    step: 'loading',
    state: 'preparing',
    members: reserved.agents.map(memberOf),
    functions: [],
    options: null,
    plans: [],
    startAtMs: null,
    startedAt: null,
    endedAt: null,
    durationMs: 0,
    fault: null,
    stop: null,
    verdict: null,
    exitCode: null,
    reason: null,
    handleSummary: null,
    events: [],
    number: 0,
    numbersUpTo: 0,
    once: {},
    claims: {},
  };
};

const memberOf = ({ id, hello }: KnownAgent): Member => ({
  id,
  node: hello.node,
  boot: hello.boot,
  hostname: hello.hostname,
  pid: hello.pid,
  version: hello.version,
  workers: hello.workers,
  progress: 'reserved',
  acked: -1,
  lost: false,
  failed: false,
  closed: false,
  released: false,
  clockOffsetMs: null,
  clockBoundMs: null,
});
