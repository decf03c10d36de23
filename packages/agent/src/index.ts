/**
 * The agent: signs on with a broker, drives its share of a run in worker processes, keeps what they measure until the
 * broker has it.
 *
 * @packageDocumentation
 */
export { inspectBundle, type ScenarioShape } from './inspect-bundle.js';
export type { AgentOptions } from './options.js';
export { Outbox, type OutboxOptions } from './outbox/outbox.js';
export { runAgent } from './run-agent.js';
export { type Agent, startAgent } from './start-agent.js';
export { ClockEstimate, type Stamps } from './supervisor/clock-estimate.js';
export type { SupervisorEffect, SupervisorEvent, TimerName, Vitals } from './supervisor/events.js';
export { Supervisor, type SupervisorConfig } from './supervisor/supervisor.js';
