/** Every code that Muster gives an error, with its meaning. Codes are never renamed: programs compare them. */
export const CODES = {
  BAD_MESSAGE: 'a message does not fit its schema',
  BAD_FRAMES: 'the frames of a message are not what its socket carries',
  MESSAGE_TOO_LARGE: 'a message is over the bound of its socket',
  UNKNOWN_COMMAND: 'the broker knows no such question',
  VERSION_MISMATCH: 'two peers speak no common protocol version',
  NOT_LOOPBACK: 'an address other than loopback was given without --insecure',
  BAD_ENDPOINT: 'an endpoint is not tcp://host:port or ipc://path',
  ADDRESS_IN_USE: 'another process holds the address',
  BROKER_RUNNING: 'a broker runs already on these endpoints or in this data folder',
  DATA_FOLDER_LOCKED: 'another process uses the data folder',
  BROKER_UNREACHABLE: 'no broker answered',
  BROKER_LOST: 'the broker stopped answering',
  BROKER_FAULT: 'the broker answered that it failed',
  TIMEOUT: 'an answer did not come in time',
  ABORTED: 'the caller gave up',
  CLOSED: 'the connection was closed',
  BAD_CONFIG: 'a flag, a variable or a line of the config file is wrong',
  BAD_OPTIONS: 'the options of the test are wrong',
  NO_TEST: 'the file has no test',
  FILE_NOT_FOUND: 'the file is not there',
  SCRIPT_SYNTAX: 'the test file does not parse or something it imports is not found',
  NATIVE_MODULE: 'the test imports a package that needs a native binary',
  SCRIPT_VERSION: "the bundle was made for another version of the script's runtime",
  SCRIPT_EXCEPTION: 'the test threw',
  SETUP_FAILED: '`setup` threw',
  SETUP_TIMEOUT: '`setup` took too long',
  TEARDOWN_FAILED: '`teardown` threw',
  TEARDOWN_TIMEOUT: '`teardown` took too long',
  SCRIPT_EXIT: 'the test called process.exit',
  SCRIPT_HANG: 'the test blocked its worker',
  SCRIPT_MEMORY: 'a worker passed its memory bound',
  WORKER_DIED: 'a worker process ended by itself',
  ALL_ITERATIONS_FAILED: 'every iteration threw',
  TEST_ABORTED: 'the test called exec.test.abort',
  NOT_ENOUGH_AGENTS: 'fewer agents are free than the run asks for',
  AGENTS_LOST: 'every agent of the run was lost',
  PREPARE_TIMEOUT: 'an agent did not prepare in time',
  READY_TIMEOUT: 'an agent did not become ready in time',
  AGENT_ID_TAKEN: 'another agent has this id',
  AGENT_BUSY: 'the agent works for another run',
  AGENT_UNKNOWN: 'the broker knows no such agent',
  RUN_UNKNOWN: 'the broker knows no such run',
  RUN_OVER: 'the run is finished',
  TOO_MANY_RUNS: 'the broker has as many runs as it may',
  BUNDLE_UNKNOWN: 'the broker does not hold this bundle',
  BUNDLE_CORRUPT: 'the bytes of a bundle do not fit its hash',
  BUNDLE_TOO_LARGE: 'the bundle is over 64 MiB',
  STORE_FAILED: 'the store could not write or read',
  DISK_FULL: 'there is no room left on the disk',
  OBSERVER_UNKNOWN: 'there is no observer of this name',
  OBSERVER_REFUSED: 'what an observer goes to said no for good',
  NOT_SUPPORTED: 'this version does not do that',
  INTERNAL: 'a fault of Muster itself',
} as const;

export type Code = keyof typeof CODES;

/** Options of {@link MusterError}: `hint` says what to do, `details` travels on the wire. */
export interface MusterErrorOptions extends ErrorOptions {
  readonly hint?: string;
  readonly details?: unknown;
}

/** The one error class. Its message starts with the code, so that it can be searched for. */
export class MusterError extends Error {
  override readonly name = 'MusterError';
  readonly code: Code;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(code: Code, message: string, options: MusterErrorOptions = {}) {
    super(`[${code}] ${message}${options.hint === undefined ? '' : ` (${options.hint})`}`, options);
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  /** Works across two installed copies of this package, where `instanceof` by prototype would not. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return (
      typeof value === 'object' &&
      value !== null &&
      (value as { name?: unknown }).name === 'MusterError' &&
      'code' in value
    );
  }

  /** Anything thrown, as a `MusterError`; what is none already becomes `INTERNAL` unless another code is given. */
  static from(thrown: unknown, code: Code = 'INTERNAL'): MusterError {
    if (thrown instanceof MusterError) return thrown;
    return new MusterError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }

  /** From the wire; an unknown code is kept in the message. */
  static fromWire(error: { code: string; message: string; details?: unknown }): MusterError {
    const known = Object.hasOwn(CODES, error.code);
    const message = error.message.replace(/^\[[A-Z_]+\] /, '');
    return new MusterError(known ? (error.code as Code) : 'INTERNAL', known ? message : `${error.code}: ${message}`, {
      details: error.details,
    });
  }

  toWire(): { code: string; message: string; details?: unknown } {
    return { code: this.code, message: this.message, ...(this.details === undefined ? {} : { details: this.details }) };
  }
}

/** Exit codes of the command and of a run (k6's numbers where k6 has one). */
export const EXIT = {
  passed: 0,
  thresholdsFailed: 99,
  badOptions: 104,
  abortedByUser: 105,
  scriptFailed: 107,
  abortedByTest: 108,
  invalid: 120,
  agentsLost: 121,
  brokerLost: 122,
} as const;

const SCRIPT_CODES = new Set<Code>([
  'SCRIPT_SYNTAX',
  'NATIVE_MODULE',
  'SCRIPT_VERSION',
  'SCRIPT_EXCEPTION',
  'SETUP_FAILED',
  'SETUP_TIMEOUT',
  'TEARDOWN_FAILED',
  'TEARDOWN_TIMEOUT',
  'SCRIPT_EXIT',
  'SCRIPT_HANG',
  'SCRIPT_MEMORY',
  'ALL_ITERATIONS_FAILED',
]);
const BROKER_CODES = new Set<Code>([
  'BROKER_UNREACHABLE',
  'BROKER_LOST',
  'BROKER_FAULT',
  'TIMEOUT',
  'CLOSED',
  'VERSION_MISMATCH',
]);
const AGENT_CODES = new Set<Code>([
  'NOT_ENOUGH_AGENTS',
  'AGENTS_LOST',
  'PREPARE_TIMEOUT',
  'READY_TIMEOUT',
  'WORKER_DIED',
]);

/** The one table from error code to exit status. */
export const exitCodeOf = (code: Code): number => {
  if (SCRIPT_CODES.has(code)) return EXIT.scriptFailed;
  if (code === 'TEST_ABORTED') return EXIT.abortedByTest;
  if (code === 'ABORTED') return EXIT.abortedByUser;
  if (AGENT_CODES.has(code)) return EXIT.agentsLost;
  if (BROKER_CODES.has(code)) return EXIT.brokerLost;
  return EXIT.badOptions;
};
