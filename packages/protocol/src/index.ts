/**
 * Every byte on the wire: messages and their schemas, codecs, frames, endpoints and error codes, of both dialects.
 * Runs in a browser; the wrapper around zeromq is apart, in `@muster/protocol/zmq`.
 *
 * @packageDocumentation
 */
export { BOUNDS, TIMES } from './bounds.js';
export { machineMs } from './clock.js';
export {
  DEFAULT_FRONTEND,
  DEFAULT_PORTS,
  type Endpoint,
  formatEndpoint,
  isLoopback,
  parseEndpoint,
  requireLoopback,
} from './endpoints.js';
export { CODES, type Code, EXIT, exitCodeOf, MusterError, type MusterErrorOptions } from './errors.js';
export {
  batchFrames,
  clientQuestion,
  eventFrames,
  eventTopic,
  type Frame,
  frontendAnswer,
  liveTopic,
  originalTopic,
  readAtAgent,
  readBackend,
  readClientAnswer,
  readEvent,
  readFrontend,
  readReceiver,
  readRegister,
  readSubscription,
  registerFrames,
  routeFrame,
  routeText,
  toAgent,
  toBroker,
  toOldestAgent,
} from './frames.js';
export {
  AgentBeat,
  AgentMessage,
  BarrierArrive,
  BundleGet,
  Claim,
  Fault,
  Finished,
  Hello,
  Log,
  OnceGet,
  OncePut,
  PlanAck,
  Prepared,
  Ready,
  SlotReleased,
  Started,
  StreamTail,
} from './native/agent-to-broker.js';
export {
  BatchHeader,
  Column,
  EndPayload,
  ErrorGroup,
  EVERY_WORKER,
  SAMPLE_COLUMNS,
  SamplesPayload,
  WindowPayload,
} from './native/batch.js';
export {
  Abort,
  Ack,
  AgentReply,
  BarrierResult,
  BrokerBeat,
  BrokerMessage,
  ClaimResult,
  Drain,
  Forget,
  Grant,
  OnceResult,
  Plan,
  Prepare,
  Refuse,
  Resend,
  Stop,
  Summarize,
  Welcome,
} from './native/broker-to-agent.js';
export {
  AgentInfo,
  BundleHasResult,
  BundlePutResult,
  ClientReply,
  Endpoints,
  PingResult,
  Progress,
  QUERY_TABLES,
  QueryPage,
  type QueryTable,
  type QueryValue,
  RUN_STATES,
  RunEvent,
  RunInfo,
  type RunState,
  ScenarioProgress,
  ShowResult,
  Snapshot,
  SubmitResult,
  VERDICTS,
  type Verdict,
} from './native/client-answers.js';
export {
  Agents,
  Annotate,
  Attach,
  BundleHas,
  BundlePut,
  Cancel,
  ClientMessage,
  type ClientQuestion,
  DrainAgent,
  Ping,
  Query,
  Runs,
  Show,
  Steer,
  StopRun,
  Submit,
} from './native/client-to-broker.js';
export { decodeNative, encodeNative, isNative, unpackNative } from './native/codec.js';
export {
  AgentId,
  agentId,
  BootId,
  BundleHash,
  RequestId,
  RunId,
  runOfStream,
  StreamId,
  streamId,
  VersionRange,
  WireError,
} from './native/common.js';
export { OriginalFeed, OriginalSnapshot } from './native/original-feed.js';
export {
  Original,
  OriginalOrder,
  OriginalQuit,
  OriginalReply,
  OriginalRun,
  OriginalRunId,
  OriginalStatus,
  OriginalStop,
} from './native/original-run.js';
export { Summary } from './native/summary.js';
export { SUMMARY_SCHEMA_FILE, summarySchema } from './native/summary-schema.js';
export {
  AgentAnswer,
  AgentStatus,
  isWorking,
  RegisterInfo,
  readAgentAnswer,
  readRegisterInfo,
  readUnregister,
  type SignedOn,
  type ToOriginalAgent,
} from './original/agents.js';
export {
  CountsResult,
  ListResult,
  ListRunsResult,
  MetadataResult,
  NOT_ENOUGH_AGENTS,
  OriginalAgent,
  OriginalAnswer,
  OriginalPingResult,
  originalError,
  RunResult,
  StopRunResult,
} from './original/answers.js';
export { decodeOriginal, encodeOriginal, INVALID_JSON, nativePing } from './original/codec.js';
export { newestName } from './original/names.js';
export { type PlainRow, type RowMessage, readPlainMessages, readPlainRows, wholeRow } from './original/plain-rows.js';
export {
  AgentCommand,
  GetDataCommand,
  GetErrorsCommand,
  OriginalCommand,
  type OriginalName,
  type OriginalQuestion,
  PingCommand,
  RunCommand,
  RunIdCommand,
  readQuestion,
  UpdateMetadataCommand,
} from './original/questions.js';
export {
  isOriginalKind,
  LoadsStatus,
  type OriginalKind,
  type OriginalResult,
  ResultBatch,
  ResultRow,
  RunFinished,
  readResult,
  rowsOf,
} from './original/results.js';
export { NATIVE_VERSIONS, negotiate } from './version.js';
