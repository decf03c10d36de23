import { BOUNDS, type RunId } from '@muster/protocol';
import type { OriginalObservers } from '../../observers/loads-arguments.js';
import { NO_OBSERVERS } from '../../observers/observer.js';

/** A native run as clients of the original see it. */
export interface NativeRun {
  readonly id: RunId;
  readonly agents: readonly string[];
  /** When it was submitted, in seconds since 1970. */
  readonly since: number;
}

/** What the controller of the original's runs is told of the process around it, and its numbers. */
export interface OriginalConfig {
  /** Changes with each start of the broker. */
  readonly boot: string;
  /** Where workers push results, as agents are told. */
  readonly receiver: string;
  /** Whether agents of the original can hear a heartbeat. @default false */
  readonly heartbeat?: boolean;
  /** @default there are none, and all may be named */
  readonly observers?: OriginalObservers;
  /** Native runs that go on. @default none */
  readonly nativeRuns?: () => readonly NativeRun[];
  /** Between two looks at what agents do. @default 2_500, the original's */
  readonly pollMs?: number;
  /** An agent that does not answer for so long loses its run. @default 60_000, the original's */
  readonly agentTimeoutMs?: number;
  /** Between two beats. @default 10_000, the original's */
  readonly beatMs?: number;
  /** After a `REGISTER` of the heartbeat idle agents get so long to sign on again. @default 2_000 */
  readonly confirmMs?: number;
  /** An agent without a connection for so long is gone. @default 10_000 */
  readonly goneMs?: number;
  /** How long a client waits for what an agent answers. @default 5_000: those of the original give up after 20_000 */
  readonly directMs?: number;
  readonly maxRuns?: number;
  readonly maxAgents?: number;
}

export type ResolvedOriginalConfig = Required<OriginalConfig>;

/** The same with every default filled in. */
export const resolveOriginalConfig = (config: OriginalConfig): ResolvedOriginalConfig => ({
  heartbeat: false,
  observers: { refusal: () => null, choice: () => NO_OBSERVERS, withoutSecrets: (args) => args },
  nativeRuns: () => [],
  pollMs: 2_500,
  agentTimeoutMs: 60_000,
  beatMs: 10_000,
  confirmMs: 2_000,
  goneMs: 10_000,
  directMs: 5_000,
  maxRuns: BOUNDS.runs,
  maxAgents: BOUNDS.agents,
  ...config,
});
