import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plain } from './client.js';
import { FakeBroker, type FakeBrokerOptions, type Said } from './fake-broker.js';
import { type Program, startProgram } from './program.js';
import { until } from './wait.js';
import { filedata, type Packed } from './zip.js';

/** An agent of ours as a process, at a broker of the original made of nothing but sockets and JSON. */
export class AgentStage {
  readonly folder: string;
  readonly program: Program;
  broker: FakeBroker;
  agent = '';
  #runs = 0;

  static async open(argv: readonly string[] = [], options: FakeBrokerOptions = {}): Promise<AgentStage> {
    const folder = await mkdtemp(join(tmpdir(), 'muster-conformance-'));
    const broker = await FakeBroker.open(options);
    const stage = new AgentStage(folder, broker, argv);
    stage.agent = await Promise.race([
      broker.agent(),
      stage.program.exit.then((code): never => {
        throw new Error(`the agent ended with ${code}: ${stage.program.said()}`);
      }),
    ]);
    return stage;
  }

  private constructor(folder: string, broker: FakeBroker, argv: readonly string[]) {
    this.folder = folder;
    this.broker = broker;
    const at = ['--broker', broker.places.frontend ?? '', '--data', join(folder, 'data'), '--workers', '1'];
    this.program = startProgram('agent', [...at, ...argv]);
  }

  ask(body: object | string, client?: Buffer): Promise<Said> {
    return this.broker.ask(this.agent, body, client);
  }
  result(body: object): Promise<Plain> {
    return this.broker.result(this.agent, body);
  }
  /** What it says of its workers. */
  async status(run_id?: string): Promise<Plain> {
    return (await this.result({ command: '_STATUS', ...(run_id === undefined ? {} : { run_id }) })).status as Plain;
  }
  newRun(): string {
    this.#runs += 1;
    return `run-${this.#runs}`;
  }
  /** Runs a shell script, which comes along as `go.sh`; the answer is the first process. */
  async run(script: string, args: object = {}, more: readonly Packed[] = []): Promise<{ run_id: string; pid: number }> {
    const run_id = this.newRun();
    const files = filedata({ name: 'go.sh', text: `#!/bin/sh\n${script}\n` }, ...more);
    const order = { command: 'RUN', run_id, agents: 1, args: { test_runner: './go.sh', ...args }, filedata: files };
    const { pids } = await this.result(order);
    return { run_id, pid: (pids as number[])[0] ?? 0 };
  }
  /** The same to its end; whatever it left in the folder `out` beside its own, by name. */
  async runs(
    script: string,
    args: object = {},
    more: readonly Packed[] = [],
  ): Promise<Readonly<Record<string, string>>> {
    const out = join(await mkdtemp(join(this.folder, 'out-')), '/');
    const { run_id } = await this.run(`OUT=${out}\n${script}`, args, more);
    await this.broker.hearsEnd(run_id);
    const names = await readdir(out);
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(out, name), 'utf8')]));
  }
  async isIdle(): Promise<void> {
    await until('nothing that runs', async () =>
      Object.values(await this.status()).every((worker) => (worker as Plain).status === 'terminated'),
    );
  }

  async close(): Promise<void> {
    await this.program.end('SIGKILL');
    this.broker.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
};
