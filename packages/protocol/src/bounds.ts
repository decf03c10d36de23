/** What may be how large on the wire. Each is a default; what happens at the bound is said beside it. */
export const BOUNDS = {
  /** Frontend and backend: a larger message closes the peer's connection (ZMQ_MAXMSGSIZE). */
  controlBytes: 1_024 * 1_024,
  /** A `RUN` of the original with files in it: larger is refused. */
  originalRunBytes: 64 * 1_024 * 1_024,
  /** Receiver: a larger message closes the peer's connection. */
  resultBytes: 8 * 1_024 * 1_024,
  /** What a client takes from the broker, whom it chose itself: a page of rows is larger than any question. */
  answerBytes: 64 * 1_024 * 1_024,
  /** Maps and arrays inside each other: deeper is refused as BAD_MESSAGE. */
  nesting: 32,
  /** Bundles: larger is refused as BUNDLE_TOO_LARGE. */
  bundleBytes: 64 * 1_024 * 1_024,
  bundleChunkBytes: 256 * 1_024,
  /** Sent and not acknowledged, per agent: beyond it the outbox waits. */
  unackedBytes: 16 * 1_024 * 1_024,
  /** Batches that the outbox holds in memory: beyond it they are read back from its file. */
  outboxMemoryBytes: 64 * 1_024 * 1_024,
  /** The outbox's file: beyond it raw rows are dropped and counted, windows and errors never. */
  outboxDiskBytes: 2 * 1_024 * 1_024 * 1_024,
  /** Batches ahead of a gap that the broker holds: beyond it they are dropped and asked for again. */
  heldBatches: 64,
  /** Series of a run: further ones are counted and named. */
  series: 10_000,
  /** Tags of a series, and bytes of each: further ones are dropped, longer ones cut. */
  tags: 32,
  tagBytes: 256,
  /** Runs that are not finished: a further one is refused as TOO_MANY_RUNS. */
  runs: 64,
  /** Agents and clients signed on: a further one is refused. */
  agents: 2_000,
  clients: 1_000,
  /** Rows of a page of a query: more are not given at once. */
  queryRows: 100_000,
} as const;

/** How long things may take, in milliseconds. Each is a default. */
export const TIMES = {
  beatMs: 500,
  leaseMs: 1_500,
  /** An agent that is silent for so long is lost. */
  lostMs: 2_000,
  prepareMs: 60_000,
  readyMs: 30_000,
  setupMs: 60_000,
  teardownMs: 60_000,
  gracefulStopMs: 30_000,
  settleMs: 30_000,
  queryMs: 60_000,
  orphanLeaseMs: 60_000,
  /** Between the two steps of the stop ladder: ask, SIGTERM, SIGKILL. */
  ladderMs: 5_000,
  hangMs: 10_000,
  /** A peer that hears nothing for so long asks the frontend again. */
  silenceMs: 2_000,
  /** An outbox without progress for so long sends again. */
  resendMs: 5_000,
  /** A question may be repeated under the same id for so long. */
  repeatMs: 600_000,
  lingerMs: 500,
} as const;
