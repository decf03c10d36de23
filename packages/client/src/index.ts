/**
 * The SDK: drives a Muster broker from another program. It stands on the wire and on nothing else: no bundler, no
 * engine, no store. `@muster/client/bundle` makes bundles where `@muster/bundle` is installed beside it.
 *
 * @packageDocumentation
 */
export {
  type AgentInfo,
  type Code,
  EXIT,
  exitCodeOf,
  MusterError,
  type PingResult,
  type Progress,
  type QueryPage,
  type QueryTable,
  type QueryValue,
  type ResultRow,
  type RunEvent,
  type RunInfo,
  type RunState,
  type Summary,
  type Verdict,
} from '@muster/protocol';
export { type ConnectOptions, connect } from './connect.js';
export type { CallOptions } from './give-up.js';
export type { Muster, QueryOptions, Shown, SubmitOptions } from './muster.js';
export { type ConnectOriginalOptions, connectOriginal } from './original/connect-original.js';
export type {
  DataOptions,
  OriginalAgentInfo,
  OriginalAgentReply,
  OriginalClient,
  OriginalEvent,
  OriginalPing,
  OriginalRunInfo,
  OriginalRunOptions,
  OriginalRunStarted,
  WatchOptions,
} from './original/original-client.js';
export type { Run, StopOptions } from './run.js';
export type { BundleArtefact } from './upload.js';
