import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFile } from '@muster/bundle';
import { connect, type Muster } from '@muster/client';
import type { Endpoints } from '@muster/protocol';
import { startTarget } from '../target/index.js';
import { GoodAgent, GoodClient } from './original-peer.js';
import { need } from './until.js';

const VUS = 4;
const TIMES = 50;
const ROWS = 300;
const BATCHES = 3;
/** Strangers are sent away before; one or two more may come while the run is asked for. */
const RESERVATIONS = 10;
const HIT = { url: 'http://good/', method: 'GET', status: 200, started: '2026-01-01T00:00:00', elapsed: 0.1 };

/** Clients, agents and runs that must not notice what others do: each of their counts stays exact. */
export class GoodCitizens {
  readonly #muster: Muster;
  readonly #bundle: Awaited<ReturnType<typeof bundleFile>>;
  readonly #target: Awaited<ReturnType<typeof startTarget>>;
  readonly #client: GoodClient;
  readonly #pinger: GoodClient;
  readonly #agent: GoodAgent;
  readonly #native: string;
  /** Rounds in which everything was right. */
  rounds = 0;
  pings = 0;

  static async start(endpoints: Endpoints): Promise<GoodCitizens> {
    const target = await startTarget({ port: 0 });
    const folder = await mkdtemp(join(tmpdir(), 'muster-fuzz-'));
    const file = join(folder, 'good.ts');
    await writeFile(
      file,
      `import { http, sleep } from '@muster/script';
export const options = { scenarios: { it: { executor: 'per-vu-iterations', vus: ${VUS}, iterations: ${TIMES} } } };
export default async () => { await http.get('${target.url}/'); await sleep(0.02); };`,
    );
    const bundle = await bundleFile(file);
    await rm(folder, { recursive: true, force: true });
    const muster = await connect(endpoints.frontend, { timeoutMs: 30_000 });
    await muster.waitForAgents(1, { timeoutMs: 30_000 });
    const [native] = await muster.agents();
    return new GoodCitizens(endpoints, { muster, bundle, target, native: native?.id ?? '' });
  }

  private constructor(
    endpoints: Endpoints,
    parts: {
      readonly muster: Muster;
      readonly bundle: Awaited<ReturnType<typeof bundleFile>>;
      readonly target: Awaited<ReturnType<typeof startTarget>>;
      readonly native: string;
    },
  ) {
    this.#muster = parts.muster;
    this.#bundle = parts.bundle;
    this.#target = parts.target;
    this.#native = parts.native;
    this.#client = new GoodClient(endpoints.frontend);
    this.#pinger = new GoodClient(endpoints.frontend);
    this.#agent = new GoodAgent(endpoints);
    this.#agent.register();
  }

  /** The broker's process id, which must not change. */
  async ping(): Promise<number> {
    const { pid } = (await this.#pinger.result('PING')) as { readonly pid: number };
    this.pings += 1;
    return pid;
  }

  /** Signs off whoever else signed on. Native ones are lost when they say nothing. */
  async sendOthersAway(): Promise<void> {
    const mine = [this.#agent.id, this.#native].sort().join();
    await need('strangers to be gone', async () => {
      const listed = Object.keys((await this.#client.result('LIST')) as object).sort();
      for (const agent of listed) if (agent !== this.#agent.id && agent !== this.#native) this.#agent.unregister(agent);
      if (!listed.includes(this.#agent.id)) this.#agent.register();
      return listed.join() === mine;
    });
  }

  /** A run of ours and one of the original at the same time; @throws Error when anything does not add up. */
  async round(): Promise<void> {
    const before = this.#target.counts.received;
    const run = await this.#muster.submit({ bundle: this.#bundle, agents: 1 });
    await this.#originalRun();
    const summary = await run.summary();
    const wanted = VUS * TIMES;
    const { iterations, http_reqs } = summary.metrics;
    const counted = [iterations?.values.count, http_reqs?.values.count, this.#target.counts.received - before];
    if (counted.some((count) => count !== wanted) || summary.run.verdict !== 'passed')
      throw new Error(`a native run: ${summary.run.verdict}, ${counted} where ${wanted} each were due`);
    this.rounds += 1;
  }

  async #originalRun(): Promise<void> {
    const client = this.#client;
    const { agents, run_id } = await this.#begin();
    await need('RUN', () => this.#agent.begun.includes(run_id));
    for (let row = 0; row < ROWS; row += 1) this.#agent.push({ data_type: 'add_hit', ...HIT, run_id });
    for (let batch = 0; batch < BATCHES; batch += 1)
      this.#agent.push({ data_type: 'batch', run_id, counts: { add_hit: [HIT, HIT], mine: [{}] } });
    const hits = ROWS + 2 * BATCHES;
    const wanted = JSON.stringify({ add_hit: hits, mine: BATCHES });
    const counts = async () => JSON.stringify(await client.result('CTRL_GET_COUNTS', { run_id }));
    await need(`counts of ${wanted}`, async () => (await counts()) === wanted);
    const stopped = await client.result('CTRL_STOP_RUN', { run_id });
    if (JSON.stringify(stopped) !== JSON.stringify(agents)) throw new Error(`stopped: ${JSON.stringify(stopped)}`);
    await need('the end of a run', async () => !(run_id in ((await client.result('CTRL_LIST_RUNS')) as object)));
    if ((await counts()) !== wanted) throw new Error(`counts changed after the end: ${await counts()}`);
    const rows = (await client.result('CTRL_GET_DATA', { run_id, data_type: 'mine' })) as readonly unknown[];
    if (rows.length !== BATCHES) throw new Error(`${rows.length} rows of ${BATCHES}`);
    // For a moment its end is not kept yet.
    await need('a run to be deleted', async () => 'result' in (await client.answer('CTRL_DELETE_RUN', { run_id })));
  }

  /** A run on the good agent alone. A stranger's registration that was still on its way may be served first: it goes. */
  async #begin(): Promise<{ readonly agents: readonly string[]; readonly run_id: string }> {
    let others: readonly string[] = [];
    for (let tries = 0; tries < RESERVATIONS; tries += 1) {
      const started = await this.#client.result('CTRL_RUN', { agents: 1, args: { hits: '1' } });
      const { agents, run_id } = started as { readonly agents: readonly string[]; readonly run_id: string };
      if (agents.join() === this.#agent.id) return { agents, run_id };
      others = agents;
      await this.#client.answer('CTRL_STOP_RUN', { run_id });
      await this.sendOthersAway();
    }
    throw new Error(`${others} were reserved ${RESERVATIONS} times, and never ${this.#agent.id}`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#pinger.close(), this.#agent.close(), this.#muster.close()]);
    await this.#target.close();
  }
}
