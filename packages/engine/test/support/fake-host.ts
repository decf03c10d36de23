import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InitOrder, type WatchdogLine, type WorkerNews, type WorkerOrder, workerEntry } from '@muster/engine';
import { Histogram, SeriesSet, type SeriesSnapshot } from '@muster/metrics';
import { claim as claimFrom, openBook, type ResolvedOptions, resolveOptions } from '@muster/plan';
import { decodeNative, machineMs, SamplesPayload, WindowPayload } from '@muster/protocol';
import { SCRIPT_EXPORTS, SCRIPT_VERSION } from '@muster/script/internal';

type News<T extends WorkerNews['type']> = Extract<WorkerNews, { readonly type: T }>;

const SHIM = [
  "const muster = globalThis[Symbol.for('@muster/script')];",
  ...SCRIPT_EXPORTS.map((name) => `const ${name} = muster.${name};`),
].join(' ');

/** Line n of the code is line n + 2 of the bundle, to the line: `AAAA` is "the first", `AACA` "one line further". */
const sourceMap = (code: string): string => {
  const mappings = `;;${code
    .split('\n')
    .map((_, index) => (index === 0 ? 'AAAA' : 'AACA'))
    .join(';')}`;
  const map = { version: 3, sources: ['test.ts'], names: [], mappings };
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
};

/** A bundle as `@muster/bundle` makes it, for scripts without types and imports. */
export const bundleText = (code: string, script: string = SCRIPT_VERSION): string =>
  `// muster-bundle ${JSON.stringify({ format: 1, script, name: 'test.ts' })}\n${SHIM}\n${code}\n${sourceMap(code)}`;

export interface HostOptions {
  readonly code: string;
  readonly options?: object;
  readonly env?: Record<string, string>;
  readonly raw?: InitOrder['raw'];
  readonly rowsPerSecond?: number;
  readonly worker?: number;
  readonly workers?: number;
  readonly agent?: string;
  readonly bundle?: string;
  readonly processEnv?: Record<string, string>;
  readonly init?: Partial<InitOrder>;
}

/** One row of a samples batch. */
export type SampleRow = Readonly<Record<string, number | string>>;

/** A supervisor that knows only the channel: enough to run one real worker process to its end. */
export class FakeHost {
  readonly child: ChildProcess;
  readonly news: WorkerNews[] = [];
  readonly lines: WatchdogLine[] = [];
  readonly series = new SeriesSet({ maxSeries: 100_000 });
  readonly windows: WindowPayload[] = [];
  readonly rows: SampleRow[] = [];
  readonly exited: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
  }>;
  readonly agent: string;
  options: ResolvedOptions | undefined;
  #stderr = '';
  readonly #given: HostOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'muster-engine-'));
  readonly #waiting: {
    readonly test: () => boolean;
    readonly done: () => void;
  }[] = [];
  #book = openBook('at-least-once', 0);
  #grants: NodeJS.Timeout | undefined;
  #generation = 0;
  startAt = 0;

  constructor(given: HostOptions) {
    this.#given = given;
    this.agent = given.agent ?? 'agent-a';
    this.child = fork(workerEntry(), [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      serialization: 'advanced',
      execArgv: ['--max-old-space-size=256'],
      env: { ...process.env, ...given.processEnv },
    });
    this.child.stdout?.on('data', (text: Buffer) => {
      this.#stderr += text.toString();
    });
    this.child.stderr?.on('data', (text: Buffer) => {
      this.#stderr += text.toString();
    });
    this.child.on('message', (message) => this.#take(message as WorkerNews));
    this.pipe.on('data', (text: Buffer) => {
      for (const line of text.toString().split('\n')) if (line !== '') this.lines.push(JSON.parse(line));
      this.#look();
    });
    this.pipe.on('error', () => this.#look());
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        clearInterval(this.#grants);
        rmSync(this.#folder, { recursive: true, force: true });
        resolve({ code, signal });
        this.#look();
      });
    });
  }

  /** File descriptor 4 of the worker. */
  get pipe(): Socket {
    return this.child.stdio[4] as Socket;
  }
  get output(): string {
    return this.#stderr;
  }

  tell(order: WorkerOrder): void {
    this.child.send(order);
  }

  #look(): void {
    for (const each of this.#waiting.splice(0)) {
      if (each.test()) each.done();
      else this.#waiting.push(each);
    }
  }

  /** Resolves when the condition holds; looked at after every message. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ test, done }));
  }

  /** The first news of a type; fails when the worker tells a fatal fault or exits before it. */
  async first<T extends WorkerNews['type']>(type: T): Promise<News<T>> {
    const find = () => this.news.find((each): each is News<T> => each.type === type);
    await this.until(() => find() !== undefined || this.child.exitCode !== null || this.child.signalCode !== null);
    const found = find();
    if (found !== undefined) return found;
    const faults = this.news.filter((each) => each.type === 'fault');
    throw new Error(`the worker ended without "${type}": ${JSON.stringify(faults)} ${this.#stderr}`);
  }
  all<T extends WorkerNews['type']>(type: T): News<T>[] {
    return this.news.filter((each): each is News<T> => each.type === type);
  }

  /** `init`, to `loaded`. */
  async load(): Promise<News<'loaded'>> {
    const path = join(this.#folder, 'bundle.mjs');
    writeFileSync(path, this.#given.bundle ?? bundleText(this.#given.code));
    this.tell({
      type: 'init',
      run: '0198f3a2-7c1e-7b64-9a51-3f0a2d6c8e10',
      name: 'test.ts',
      bundlePath: path,
      env: this.#given.env ?? {},
      seed: 42,
      raw: this.#given.raw ?? 'thinned',
      rowsPerSecond: this.#given.rowsPerSecond ?? 5_000,
      agent: { id: this.agent, node: 'node-a', labels: { zone: 'a' } },
      worker: this.#given.worker ?? 0,
      workers: this.#given.workers ?? 1,
      ...this.#given.init,
    });
    return await this.first('loaded');
  }

  /** The options, after `loaded`. */
  resolve(): ResolvedOptions {
    const loaded = this.all('loaded')[0];
    const resolved = resolveOptions(this.#given.options ?? loaded?.options, {}, { functions: loaded?.functions ?? [] });
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
    const shared = resolved.options.scenarios.find((each) => each.executor === 'shared-iterations');
    if (shared?.executor === 'shared-iterations') this.#book = openBook('at-least-once', shared.iterations);
    return resolved.options;
  }

  /** Loads, sends the plan of generation 0 and the data; to `ready`. */
  async ready(members: readonly string[] = [this.agent], data?: unknown): Promise<void> {
    await this.load();
    this.options = this.resolve();
    this.tell({
      type: 'plan',
      generation: 0,
      fromMs: 0,
      startAt: null,
      members,
      options: this.options,
    });
    this.tell({ type: 'data', data });
    await this.first('ready');
  }

  /** Gives the start and, unless told otherwise, the right to load for as long as the host lives. */
  start(members: readonly string[] = [this.agent], granting = true): void {
    this.startAt = machineMs() + 100;
    this.#generation = 1;
    this.tell({
      type: 'plan',
      generation: 1,
      fromMs: 0,
      startAt: this.startAt,
      members,
    });
    if (!granting) return;
    this.grant();
    this.#grants = setInterval(() => this.grant(), 250);
  }
  stopGranting(): void {
    clearInterval(this.#grants);
  }
  resumeGranting(): void {
    this.grant();
    this.#grants = setInterval(() => this.grant(), 250);
  }
  grant(until = machineMs() + 1_500, generation = this.#generation): void {
    const line: WatchdogLine = { grant: { generation, until } };
    this.pipe.write(`${JSON.stringify(line)}\n`);
  }
  plan(generation: number, fromMs: number, members: readonly string[]): void {
    this.#generation = generation;
    this.tell({
      type: 'plan',
      generation,
      fromMs,
      startAt: this.startAt,
      members,
    });
  }

  /** The whole life of a worker that is alone: load, start, to `done`, end, exit. */
  async run(members?: readonly string[], data?: unknown): Promise<News<'done'>> {
    await this.ready(members, data);
    this.start(members);
    const done = await this.first('done');
    await this.end();
    return done;
  }
  async end(): Promise<{
    readonly code: number | null;
    readonly signal: string | null;
  }> {
    if (this.child.connected) this.tell({ type: 'end' });
    return await this.exited;
  }
  kill(): void {
    this.child.kill('SIGKILL');
  }

  #take(news: WorkerNews): void {
    this.news.push(news);
    if (news.type === 'window') this.#window(news);
    else if (news.type === 'claim') this.#claimed(news);
    else if (news.type === 'once.get') this.tell({ type: 'reply', id: news.id, result: { compute: true } });
    else if (news.type === 'once.put') this.tell({ type: 'reply', id: news.id, result: {} });
    else if (news.type === 'barrier')
      this.tell({
        type: 'reply',
        id: news.id,
        result: { arrived: 1, lost: 0 },
      });
    this.#look();
  }

  #claimed(news: News<'claim'>): void {
    const given = claimFrom(this.#book, this.agent, news.count, news.confirmed);
    this.#book = given.book;
    const { from, count, exhausted } = given;
    this.tell({
      type: 'reply',
      id: news.id,
      result: { from, count, exhausted },
    });
  }

  #window(news: News<'window'>): void {
    const window = decodeNative(WindowPayload, news.window, 8 * 1_024 * 1_024);
    this.windows.push(window);
    for (const snapshot of window.series as unknown as SeriesSnapshot[]) this.series.merge(snapshot);
    if (news.samples !== undefined)
      this.rows.push(...rowsOf(decodeNative(SamplesPayload, news.samples, 8 * 1_024 * 1_024)));
  }

  /** A counter's sum over all series whose tags include these. */
  count(metric: string, tags: Readonly<Record<string, string>> = {}): number {
    let sum = 0;
    for (const each of this.series) {
      if (each.metric !== metric || each.sink.type !== 'counter') continue;
      if (Object.entries(tags).every(([name, value]) => each.tags[name] === value)) sum += each.sink.sum;
    }
    return sum;
  }
  /** How many values a trend has. */
  values(metric: string): number {
    let histogram = new Histogram();
    for (const each of this.series)
      if (each.metric === metric && each.sink.type === 'trend') histogram.merge(each.sink.histogram);
    const { count } = histogram;
    histogram = new Histogram();
    return count;
  }
  get errors(): readonly WindowPayload['errors'][number][] {
    return this.windows.flatMap((window) => window.errors);
  }
}

const ARRAYS = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
  dict: Uint32Array,
} as const;

const rowsOf = (samples: SamplesPayload): SampleRow[] => {
  const columns = samples.columns.map((column) => {
    const bytes = new Uint8Array(column.data);
    const numbers = new ARRAYS[column.type](bytes.buffer as ArrayBuffer);
    const values = column.type === 'dict' ? column.values : null;
    return {
      name: column.name,
      at: (row: number) => (values === null ? numbers[row] : values[numbers[row] ?? 0]) ?? 0,
    };
  });
  return Array.from({ length: samples.rows }, (_, row) =>
    Object.fromEntries(columns.map((column) => [column.name, column.at(row)])),
  );
};
