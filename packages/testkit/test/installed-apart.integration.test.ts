import { type ExecFileException, execFile, spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@muster/bundle';
import { connect } from '@muster/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, startTargetProcess, type TargetProcess } from './support.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLOSURES = {
  client: ['protocol', 'metrics', 'client'],
  broker: ['protocol', 'metrics', 'plan', 'daemon', 'broker'],
  agent: ['protocol', 'metrics', 'plan', 'script', 'engine', 'daemon', 'agent'],
} as const;

const run = (command: string, argv: readonly string[], cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(command, [...argv], { cwd, maxBuffer: 16_777_216 }, (error: ExecFileException | null, out, err) =>
      error === null
        ? resolve(out)
        : reject(new Error(`${command} ${argv.join(' ')}: ${error.message}\n${out}\n${err}`)),
    );
  });

/** A process that is stopped when the test is over. */
const children: ReturnType<typeof spawn>[] = [];
const serve = (cwd: string, program: string, argv: readonly string[], ready: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(cwd, 'node_modules', '.bin', program), ...argv], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let said = '';
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const found = ready.exec(said);
      if (found !== null) resolve(found[1] ?? '');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${said}`)));
  });

let files: Awaited<ReturnType<typeof scratch>>;
let target: TargetProcess;
const folderOf = (name: keyof typeof CLOSURES) => join(files.folder, name);

beforeAll(async () => {
  files = await scratch();
  target = await startTargetProcess();
  const packed = join(files.folder, 'packed');
  await mkdir(packed);
  const names = [...new Set(Object.values(CLOSURES).flat())];
  const workspaces = names.flatMap((name) => ['--workspace', join('packages', name)]);
  await run('npm', ['pack', '--pack-destination', packed, ...workspaces], ROOT);
  const tarballs = await readdir(packed);
  await Promise.all(
    (Object.keys(CLOSURES) as (keyof typeof CLOSURES)[]).map(async (name) => {
      await mkdir(folderOf(name));
      await writeFile(join(folderOf(name), 'package.json'), JSON.stringify({ name: `apart-${name}`, private: true }));
      const own = CLOSURES[name].map((each) =>
        join(packed, tarballs.find((file) => file.startsWith(`muster-${each}-`)) ?? ''),
      );
      await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...own], folderOf(name));
    }),
  );
}, 300_000);

afterAll(async () => {
  for (const child of children) {
    child.removeAllListeners('exit');
    child.kill('SIGTERM');
  }
  await Promise.all(
    children.map((child) =>
      child.exitCode !== null || child.signalCode !== null ? null : new Promise((done) => child.once('exit', done)),
    ),
  );
  await target?.close();
  await files?.remove();
}, 60_000);

const PLAIN = `
  const muster = await connect(process.argv[2], { timeoutMs: 10_000 });
  const run = await muster.submit({ bundle: { bytes: await readFile(process.argv[3]), name: 'apart.ts' }, options: { vus: 4, iterations: 200 }, agents: 2 });
  let seen = 0;
  for await (const progress of run.progress()) seen += progress.number > 0 ? 1 : 0;
  const summary = await run.summary();
  console.log(JSON.stringify({ seen, verdict: summary.run.verdict, agents: summary.run.agents.length, requests: summary.metrics.http_reqs.values.count }));
  await muster.close();
`;

describe('broker, agent and client installed apart', () => {
  it('hold nothing that they do not need', async () => {
    const held = async (name: keyof typeof CLOSURES) =>
      (await readdir(join(folderOf(name), 'node_modules'), { recursive: true })).map(String);
    const client = await held('client');
    for (const stranger of [
      'esbuild',
      '@duckdb',
      '@muster/engine',
      '@muster/broker',
      '@muster/agent',
      '@muster/bundle',
    ]) {
      expect(
        client.some((path) => path === stranger || path.startsWith(`${stranger}/`)),
        stranger,
      ).toBe(false);
    }
    expect((await held('broker')).some((path) => path.startsWith('@muster/engine'))).toBe(false);
    expect((await held('agent')).some((path) => path.startsWith('@duckdb') || path.startsWith('@muster/broker'))).toBe(
      false,
    );
  });

  it('run a prebuilt bundle that a plain script submits, as ES module and as CommonJS', async () => {
    const brokerConfig = join(folderOf('broker'), 'broker.json');
    await writeFile(
      brokerConfig,
      JSON.stringify({ frontend: 'tcp://127.0.0.2:*', data: join(folderOf('broker'), 'data') }),
    );
    const endpoint = await serve(
      folderOf('broker'),
      'muster-broker',
      ['--config', brokerConfig],
      /"frontend":"(tcp:\/\/127\.0\.0\.2:\d+)"/,
    );
    for (const node of ['one', 'two']) {
      const config = join(folderOf('agent'), `${node}.json`);
      await writeFile(
        config,
        JSON.stringify({ broker: endpoint, node, workers: 1, data: join(folderOf('agent'), node) }),
      );
      await serve(folderOf('agent'), 'muster-agent', ['--config', config], /"msg":"ready"/);
    }
    await using muster = await connect(endpoint);
    await muster.waitForAgents(2, { timeoutMs: 20_000 });

    const test = await files.write(
      'apart.ts',
      `import { http } from '@muster/script';\nexport default async () => { await http.get('${target.url}/'); };`,
    );
    const bundle = join(files.folder, 'apart.bundle');
    await writeFile(bundle, (await bundleFile(test)).bytes);
    const esm = join(folderOf('client'), 'submit.mjs');
    const cjs = join(folderOf('client'), 'submit.cjs');
    await writeFile(
      esm,
      `import { readFile } from 'node:fs/promises';\nimport { connect } from '@muster/client';\n${PLAIN}`,
    );
    await writeFile(
      cjs,
      `const { readFile } = require('node:fs/promises');\nconst { connect } = require('@muster/client');\n(async () => {${PLAIN}})();`,
    );
    for (const script of [esm, cjs]) {
      await target.reset();
      const said = JSON.parse(await run(process.execPath, [script, endpoint, bundle], folderOf('client'))) as {
        seen: number;
      };
      expect(said).toMatchObject({ verdict: 'passed', agents: 2, requests: 200 });
      expect(said.seen).toBeGreaterThan(0);
      expect((await target.stats()).served).toBe(200);
    }
  }, 120_000);

  it.each([
    ['nodenext', ['mts', 'cts']],
    ['bundler', ['mts']],
  ])(
    'have types under %s in files that end in %j',
    async (resolution, endings) => {
      const typed = endings.map((ending) => join(folderOf('client'), `typed-${resolution}.${ending}`));
      for (const file of typed)
        await writeFile(
          file,
          `import { connect, type Summary } from '@muster/client';
       export const verdict = async (): Promise<Summary['run']['verdict']> => {
         const muster = await connect('tcp://127.0.0.1:1');
         const run = await muster.submit({ bundle: { bytes: new Uint8Array(), name: 'x' }, options: { vus: 1 }, agents: 2 });
         for await (const p of run.progress()) { const rate: number = p.requests.rate; void rate; }
         return (await run.summary()).run.verdict;
       };`,
        );
      const module = resolution === 'bundler' ? 'esnext' : 'nodenext';
      const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      const types = join(ROOT, 'node_modules', '@types');
      await run(
        process.execPath,
        [
          ...[tsc, '--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
          ...['--module', module, '--moduleResolution', resolution, '--typeRoots', types, '--types', 'node'],
          ...typed,
        ],
        folderOf('client'),
      );
    },
    60_000,
  );
});
