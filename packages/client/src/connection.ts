import {
  AgentInfo,
  MusterError,
  PingResult,
  type Progress,
  QueryPage,
  type QueryTable,
  RunId,
  RunInfo,
  ShowResult,
  Snapshot,
  SubmitResult,
  Summary,
  TIMES,
} from '@muster/protocol';
import type { Asker } from './asker.js';
import type { EventFeed } from './event-feed.js';
import { type CallOptions, pause } from './give-up.js';
import type { Muster, QueryOptions, Shown, SubmitOptions } from './muster.js';
import { RemoteRun, type Run, type RunPort } from './run.js';
import { upload } from './upload.js';

const RUNS = RunInfo.array();
const AGENTS = AgentInfo.array();
const AGENTS_POLL_MS = 100;
const PAGE_ROWS = 10_000;

export interface ConnectionOptions {
  readonly asker: Asker;
  readonly feed: EventFeed;
  readonly timeoutMs: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal | undefined;
  /** Where an endpoint that the broker names is reached from here. */
  readonly reach: (endpoint: string) => Promise<string>;
}

/** A greeted broker. */
export class Connection implements Muster {
  readonly #options: ConnectionOptions;
  readonly #ending = new AbortController();
  readonly #port: RunPort;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const own = this.#ending.signal;
    this.#port = {
      asker: options.asker,
      patienceMs: options.patienceMs,
      signal: options.signal === undefined ? own : AbortSignal.any([own, options.signal]),
      listen: (run, listener) => options.feed.listen(run, listener),
      refresh: async (call) => options.feed.moveTo(await options.reach((await this.ping(call)).endpoints.events)),
    };
  }

  get endpoint(): string {
    return this.#options.asker.endpoint;
  }

  async submit({ bundle, timeoutMs, signal, observerOptions = {}, ...rest }: SubmitOptions): Promise<Run> {
    const call = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) };
    const hash = await upload(this.#options.asker, bundle, call);
    const { run } = await this.#options.asker.ask(
      {
        type: 'submit',
        bundle: hash,
        ...rest,
        name: rest.name ?? bundle.name ?? 'test',
        observers: [...(rest.observers ?? [])],
        // Brokers before options of observers know no such field.
        ...(Object.keys(observerOptions).length === 0 ? {} : { observerOptions: copied(observerOptions) }),
      },
      (result) => SubmitResult.parse(result),
      call,
    );
    return new RemoteRun(run, this.#port);
  }

  async *run(options: SubmitOptions): AsyncGenerator<Progress, Summary, undefined> {
    const run = await this.submit(options);
    const call = options.signal === undefined ? {} : { signal: options.signal };
    yield* run.progress(call);
    return await run.summary(call);
  }

  async attach(run: string, options: CallOptions = {}): Promise<Run> {
    const id = runId(run);
    await this.#options.asker.ask({ type: 'attach', run: id }, (result) => Snapshot.parse(result), options);
    return new RemoteRun(id, this.#port);
  }

  async runs({ limit, ...call }: CallOptions & { readonly limit?: number } = {}): Promise<readonly RunInfo[]> {
    return await this.#options.asker.ask({ type: 'runs', limit }, (result) => RUNS.parse(result), call);
  }

  async show(run: string, options: CallOptions = {}): Promise<Shown> {
    return await this.#options.asker.ask({ type: 'show', run: runId(run) }, readShown, options);
  }

  async *query(
    run: string,
    table: QueryTable,
    { start = 0, pageSize = PAGE_ROWS, ...call }: QueryOptions = {},
  ): AsyncGenerator<QueryPage, void, undefined> {
    for (let next = start; ; ) {
      const page = await this.#options.asker.ask(
        { type: 'query', run: runId(run), table, start: next, size: pageSize },
        (result) => QueryPage.parse(result),
        { timeoutMs: TIMES.queryMs, ...call },
      );
      if (page.rows > 0) yield page;
      next += page.rows;
      if (page.rows === 0 || next >= page.total) return;
    }
  }

  async annotate(run: string, text: string, options: CallOptions = {}): Promise<void> {
    await this.#options.asker.ask({ type: 'annotate', run: runId(run), text }, () => undefined, options);
  }

  async drain(agent: string, options: CallOptions = {}): Promise<void> {
    await this.#options.asker.ask({ type: 'drain', agent }, () => undefined, options);
  }

  async agents(options: CallOptions = {}): Promise<readonly AgentInfo[]> {
    return await this.#options.asker.ask({ type: 'agents' }, (result) => AGENTS.parse(result), options);
  }

  async waitForAgents(count: number, options: CallOptions = {}): Promise<readonly AgentInfo[]> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const sinceMs = performance.now();
    for (;;) {
      const leftMs = sinceMs + timeoutMs - performance.now();
      const agents = await this.agents({ ...options, timeoutMs: Math.max(leftMs, 1) });
      const ready = agents.filter(({ state }) => state !== 'lost' && state !== 'draining');
      if (ready.length >= count) return ready;
      if (leftMs < AGENTS_POLL_MS) {
        throw new MusterError('TIMEOUT', `${ready.length} of ${count} agents signed on within ${timeoutMs} ms`, {
          hint: `start them with \`muster agent --broker ${this.endpoint}\``,
        });
      }
      await pause(AGENTS_POLL_MS, 'waiting for agents', [this.#port.signal, options.signal]);
    }
  }

  async ping(options: CallOptions = {}): Promise<PingResult> {
    return await this.#options.asker.ask({ type: 'ping' }, (result) => PingResult.parse(result), options);
  }

  async close(): Promise<void> {
    this.#ending.abort(new MusterError('CLOSED', `the connection to ${this.endpoint} was closed`));
    await Promise.all([this.#options.asker.close(), this.#options.feed.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const copied = <V>(options: Readonly<Record<string, Readonly<Record<string, V>>>>): Record<string, Record<string, V>> =>
  Object.fromEntries(Object.entries(options).map(([name, each]) => [name, { ...each }]));

const readShown = (result: unknown): Shown => {
  const shown = ShowResult.parse(result);
  return { ...shown, summary: shown.summary === null ? null : Summary.parse(shown.summary) };
};

const runId = (text: string): RunId => {
  const id = RunId.safeParse(text);
  if (id.success) return id.data;
  throw new MusterError('RUN_UNKNOWN', `"${text.slice(0, 100)}" is not the id of a run`, { hint: 'ids are UUIDs' });
};
