import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@muster/bundle';
import { connect, type Muster, type SubmitOptions } from '@muster/client';
import type { Summary } from '@muster/protocol';

/** What the target counted itself. */
export interface TargetStats {
  readonly received: number;
  readonly served: number;
  readonly connections: number;
  readonly sockets: number;
  readonly messages: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly paths: Readonly<Record<string, { readonly received: number; readonly served: number }>>;
}

/** The counting target as a process of its own. */
export interface TargetProcess {
  readonly url: string;
  stats(): Promise<TargetStats>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export const startTargetProcess = async (): Promise<TargetProcess> => {
  const main = fileURLToPath(new URL('../dist/target/main.js', import.meta.url));
  const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /"port":\s*(\d+)/.exec(text);
      if (found) resolve(Number(found[1]));
    });
    child.once('exit', (code) => reject(new Error(`the target ended with ${code}: ${text}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  const get = async (path: string) => (await fetch(`${url}${path}`)).json();
  return {
    url,
    stats: () => get('/stats') as Promise<TargetStats>,
    reset: async () => {
      await get('/reset');
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
};

/** A folder that goes away, with test files in it. */
export const scratch = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'muster-test-'));
  return {
    folder,
    write: async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

/** Bundles a test's text, runs it on a cluster to its end, gives the summary. */
export const runText = async (
  endpoint: string,
  text: string,
  options: Omit<SubmitOptions, 'bundle'> & { readonly during?: (muster: Muster, run: string) => Promise<void> } = {},
): Promise<Summary> => {
  const files = await scratch();
  try {
    const bundle = await bundleFile(await files.write('test.ts', text));
    await using muster = await connect(endpoint, { timeoutMs: 20_000 });
    const { during, ...rest } = options;
    const run = await muster.submit({ bundle, ...rest });
    await during?.(muster, run.id);
    return await run.summary();
  } finally {
    await files.remove();
  }
};

/** Polls until the condition holds; the test's own time limit ends it otherwise. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
};

/** A counter's total in a summary, 0 when nothing was counted. */
export const count = (summary: Summary, metric: string): number => summary.metrics[metric]?.values.count ?? 0;

/** Columns of a run's rows, read from its file; the broker must have let go of it. */
export const sampleColumns = async (
  file: string,
  names: readonly string[],
): Promise<Readonly<Record<string, readonly number[]>>> => {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    const result = await connection.runAndReadAll(`SELECT ${names.join(', ')} FROM samples`);
    const columns = result.getColumns();
    return Object.fromEntries(names.map((name, index) => [name, (columns[index] ?? []).map(Number)]));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
};
