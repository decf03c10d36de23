import {
  AgentAnswer,
  AgentStatus,
  CountsResult,
  ListResult,
  ListRunsResult,
  MetadataResult,
  MusterError,
  NATIVE_VERSIONS,
  OriginalPingResult,
  OriginalSnapshot,
  type ResultRow,
  RunResult,
  StopRunResult,
} from '@muster/protocol';
import type { Reader } from '../asker.js';
import type { CallOptions } from '../give-up.js';
import { reachable } from '../reachable.js';
import type { Command, Manner, OriginalAsker } from './original-asker.js';
import type {
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
} from './original-client.js';
import { readErrors, readRows } from './read-rows.js';
import { runArguments } from './run-arguments.js';
import { publisherOf, watchPublisher } from './watch.js';
import { watchFeed } from './watch-feed.js';

export interface OriginalConnectionOptions {
  readonly asker: OriginalAsker;
  readonly endpoint: string;
  readonly signal: AbortSignal | undefined;
  readonly reach: (endpoint: string) => Promise<string>;
}

/** A broker that has answered `PING`. */
export class OriginalConnection implements OriginalClient {
  readonly #asker: OriginalAsker;
  readonly #options: OriginalConnectionOptions;
  readonly #ending = new AbortController();
  #native = false;

  constructor(options: OriginalConnectionOptions) {
    this.#options = options;
    this.#asker = options.asker;
  }

  get endpoint(): string {
    return this.#options.endpoint;
  }

  get native(): boolean {
    return this.#native;
  }

  async ping(options: CallOptions = {}): Promise<OriginalPing> {
    const question = { command: 'PING', native: NATIVE_VERSIONS };
    const pong = await this.#asker.ask(question, (result) => OriginalPingResult.parse(result), options);
    this.#native = pong.native !== undefined;
    return {
      pid: pong.pid,
      endpoints: pong.endpoints,
      agents: agentsOf(pong.agents),
      native: pong.native ?? null,
      version: pong.version ?? null,
    };
  }

  async list(options: CallOptions = {}): Promise<readonly OriginalAgentInfo[]> {
    return agentsOf(await this.#asker.ask({ command: 'LIST' }, (result) => ListResult.parse(result), options));
  }

  async run(options: OriginalRunOptions): Promise<OriginalRunStarted> {
    const { agents = 1, files } = options;
    const question = {
      command: 'CTRL_RUN',
      agents,
      async: true,
      args: runArguments({ ...options, agents }),
      ...(files === undefined ? {} : { filedata: Buffer.from(files).toString('base64') }),
    };
    const manner = { ...callOf(options), once: true, spoils: !this.#native };
    const { run_id, agents: chosen } = await this.#asker.ask(question, (result) => RunResult.parse(result), manner);
    return { run: run_id, agents: chosen };
  }

  async listRuns(options: CallOptions = {}): Promise<readonly OriginalRunInfo[]> {
    const runs = await this.#asker.ask(
      { command: 'CTRL_LIST_RUNS' },
      (result) => ListRunsResult.parse(result),
      options,
    );
    return Object.entries(runs).map(([run, agents]) => ({
      run,
      agents: agents.map(([agent, sinceS]) => ({ agent, sinceS })),
    }));
  }

  async getRuns(options: CallOptions = {}): Promise<readonly string[]> {
    return await this.#ours({ command: 'CTRL_GET_RUNS' }, options, (result) => StopRunResult.parse(result));
  }

  async stopRun(run: string, options: CallOptions = {}): Promise<readonly string[]> {
    return await this.#asker.ask(ofRun('CTRL_STOP_RUN', run), (result) => StopRunResult.parse(result), options);
  }

  async purge(options: CallOptions = {}): Promise<readonly string[]> {
    const runs = await this.listRuns(options);
    await Promise.all(runs.map(({ run }) => this.stopRun(run, options)));
    return runs.map(({ run }) => run);
  }

  async *getData(run: string, options: DataOptions = {}): AsyncGenerator<ResultRow, void, undefined> {
    yield* readRows(this.#asker, run, options, { ...callOf(options), native: this.#native });
  }

  async getCounts(run: string, options: CallOptions = {}): Promise<Readonly<Record<string, number>>> {
    return await this.#asker.ask(ofRun('CTRL_GET_COUNTS', run), (result) => CountsResult.parse(result), options);
  }

  async getUrls(run: string, options: CallOptions = {}): Promise<Readonly<Record<string, number>>> {
    return await this.#asker.ask(ofRun('CTRL_GET_URLS', run), (result) => CountsResult.parse(result), options);
  }

  async *getErrors(
    run: string,
    options: Omit<DataOptions, 'type' | 'groupBy'> = {},
  ): AsyncGenerator<ResultRow, void, undefined> {
    yield* readErrors(this.#asker, run, options, { ...callOf(options), native: this.#native });
  }

  async getMetadata(run: string, options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return await this.#asker.ask(ofRun('CTRL_GET_METADATA', run), (result) => MetadataResult.parse(result), options);
  }

  async updateMetadata(
    run: string,
    fields: Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#ours({ ...ofRun('CTRL_UPDATE_METADATA', run), fields }, options, () => undefined);
  }

  async deleteRun(run: string, options: CallOptions = {}): Promise<void> {
    await this.#ours(ofRun('CTRL_DELETE_RUN', run), options, () => undefined);
  }

  async agentStatus(agent: string, options: CallOptions = {}): Promise<AgentStatus> {
    return (await this.#agent(ofAgent('STATUS', agent), options)).status;
  }

  async agentStop(agent: string, options: CallOptions = {}): Promise<OriginalAgentReply | null> {
    return await this.#mute(ofAgent('STOP', agent), options);
  }

  async agentQuit(
    agent: string,
    { force, ...options }: CallOptions & { readonly force?: boolean } = {},
  ): Promise<OriginalAgentReply | null> {
    return await this.#mute({ ...ofAgent('QUIT', agent), ...(force === true ? { force } : {}) }, options);
  }

  async agentRun(agent: string, options: Omit<OriginalRunOptions, 'agents'>): Promise<OriginalAgentReply> {
    const { files } = options;
    const filedata = files === undefined ? {} : { filedata: Buffer.from(files).toString('base64') };
    const question = { ...ofAgent('RUN', agent), args: runArguments(options), ...filedata };
    return await this.#agent(question, { ...callOf(options), once: true });
  }

  async *watch(options: WatchOptions = {}): AsyncGenerator<OriginalEvent, void, undefined> {
    const call = options.signal === undefined ? {} : { signal: options.signal };
    const { endpoints } = await this.ping(call);
    const signals = [this.#ending.signal, this.#options.signal, options.signal];
    const reach = (named: string) => this.#options.reach(reachable(named, this.endpoint));
    if (endpoints.events !== undefined && (await this.#hasFeed(options.run, call))) {
      const snapshot = (run: string) => this.#snapshot(run, call);
      yield* watchFeed(options, { endpoint: await reach(endpoints.events), snapshot, signals });
      return;
    }
    const counts = this.#native ? null : (run: string) => this.getCounts(run, call);
    yield* watchPublisher(await reach(publisherOf(endpoints, this.endpoint)), options, { signals, counts });
  }

  async close(): Promise<void> {
    this.#ending.abort(new MusterError('CLOSED', `the connection to ${this.endpoint} was closed`));
    await this.#asker.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #agent(question: Command, manner: Manner): Promise<OriginalAgentReply> {
    return await this.#asker.ask(question, readReply, manner);
  }

  /** The original's broker keeps the answers to these for itself: nobody should wait for one. */
  async #mute(question: Command, options: CallOptions): Promise<OriginalAgentReply | null> {
    if (this.#native) return await this.#agent(question, { ...options, once: true });
    await this.#asker.tell(question, options);
    return null;
  }

  /** Whether the broker numbers the rows of a run: older ones of ours don't, nor does any those of our own tests. */
  async #hasFeed(run: string | undefined, call: CallOptions): Promise<boolean> {
    if (!this.#native) return false;
    try {
      return run === undefined || (await this.#snapshot(run, call)).number !== null;
    } catch (thrown) {
      if (MusterError.from(thrown).code === 'UNKNOWN_COMMAND') return false;
      throw thrown;
    }
  }

  async #snapshot(run: string, call: CallOptions): Promise<OriginalSnapshot> {
    return await this.#asker.ask(ofRun('CTRL_SNAPSHOT', run), (result) => OriginalSnapshot.parse(result), call);
  }

  /** What only Muster's brokers do. */
  async #ours<T>(question: Command, options: CallOptions, read: Reader<T>): Promise<T> {
    if (!this.#native) {
      throw new MusterError('NOT_SUPPORTED', `a broker of the original has no ${question.command}`);
    }
    return await this.#asker.ask(question, read, { ...options, once: true });
  }
}

const ofRun = (command: string, run: string) => ({ command, run_id: run });
const ofAgent = (command: 'STATUS' | 'STOP' | 'QUIT' | 'RUN', agent: string) => ({
  command: `CTRL_AGENT_${command}`,
  agent_id: agent,
});

const callOf = ({ timeoutMs, signal }: CallOptions): CallOptions => ({
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
  ...(signal === undefined ? {} : { signal }),
});

const agentsOf = (agents: ListResult): readonly OriginalAgentInfo[] =>
  Array.isArray(agents)
    ? agents.map((id) => ({ id: String(id), pid: id, hostname: null }))
    : Object.entries(agents).map(([id, { pid, hostname }]) => ({ id, pid, hostname: hostname ?? null }));

/** The broker's answer is the agent's `result`, or what it kept of an earlier one. */
const readReply = (result: unknown): OriginalAgentReply => {
  const { status, pids } = AgentAnswer.parse({ result }).result ?? {};
  return { status: AgentStatus.parse(status ?? {}), pids: pids ?? [] };
};
