import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Cluster, startCluster } from '@muster/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, startTargetProcess, type TargetProcess } from './support.js';

let cluster: Cluster;
let target: TargetProcess;
let files: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  target = await startTargetProcess();
  cluster = await startCluster({ agents: 2, agentFlags: ['--hang-ms', '1500', '--max-memory', '128'] });
  files = await scratch();
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
  await target?.close();
  await files?.remove();
});

const MUSTER = fileURLToPath(new URL('../../../apps/cli/bin/muster.js', import.meta.url));

/** The command as a user runs it: exit status and everything it said. */
const muster = (...argv: string[]): Promise<{ readonly code: number | null; readonly said: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [MUSTER, ...argv], { cwd: files.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('close', (code) => resolve({ code, said }));
  });
const run = async (text: string, ...flags: string[]) =>
  muster('run', await files.write('t.ts', text), '--broker', cluster.endpoint, ...flags);

const BAD: readonly (readonly [what: string, text: string, code: number, says: RegExp])[] = [
  ['a syntax error', 'export default function () {\n  const x = ;\n}', 107, /SCRIPT_SYNTAX.*t\.ts:2:13/s],
  [
    'a wrong option',
    'export const options = { scenarios: { a: { executor: "constant-vus", durration: "1s" } } };\nexport default () => {};',
    104,
    /scenarios\.a\.durration.*did you mean "duration"/s,
  ],
  ['an exception at the top level', 'const x = undefined as any;\nx.y();\nexport default () => {};', 107, /t\.ts:2:3/],
  [
    'an exception in setup',
    'export function setup() {\n  throw new Error("no luck");\n}\nexport default () => {};',
    107,
    /no luck.*t\.ts:2:9/s,
  ],
  [
    'an exception in every iteration',
    'export const options = { iterations: 20 };\nexport default () => {\n  throw new Error("always");\n};',
    107,
    /every iteration threw.*|always.*t\.ts:3:9/s,
  ],
  ['a test that never yields', 'export default () => {\n  for (;;) {}\n};', 107, /blocked.*t\.ts:2/s],
  [
    'a test that calls process.exit',
    'export default () => {\n  process.exit(3);\n};',
    107,
    /process\.exit.*t\.ts:2:11/s,
  ],
  [
    'a test that allocates without end',
    'const all: unknown[] = [];\nexport default async () => {\n  for (;;) { all.push(new Array(1e6).fill(1.5)); await new Promise((r) => setImmediate(r)); }\n};',
    107,
    /MB/,
  ],
  [
    'a test that aborts the run',
    'import { exec } from "@muster/script";\nexport default () => {\n  exec.test.abort("enough");\n};',
    108,
    /enough/,
  ],
];

describe('the command', () => {
  it.each(BAD)(
    'with %s says so, with the line, and the agents are fit for the next run',
    async (_, text, code, says) => {
      // A duration would stand in the place of the load that the file has of its own.
      const result = await run(text, ...(text.includes('export const options') ? [] : ['-d', '20s']));
      expect(result.said).toMatch(says);
      expect(result.code).toBe(code);
      const next = await run(
        `import { http } from '@muster/script';\nexport default async () => { await http.get('${target.url}/'); };`,
        '-i',
        '10',
        '-u',
        '2',
      );
      expect(next.code, next.said).toBe(0);
    },
    120_000,
  );

  it('is told once why setup failed, though it stands both in a value and in a fault', async () => {
    const { said } = await run('export function setup() {\n  throw new Error("no luck");\n}\nexport default () => {};');
    expect(said.match(/^error: .*no luck/gm)).toHaveLength(1);
  });

  it('goes on when some iterations throw', async () => {
    const result = await run(
      'let n = 0;\nexport default () => {\n  n += 1;\n  if (n % 2) throw new Error("now and then");\n};',
      '-i',
      '40',
      '-u',
      '2',
    );
    expect(result.code, result.said).toBe(0);
    expect(result.said).toMatch(/now and then.*t\.ts:4:20/s);
  });

  it('with a target that refuses lets the thresholds judge', async () => {
    const text = (threshold: string) =>
      `import { http } from '@muster/script';\nexport const options = { ${threshold} };\nexport default async () => { await http.get('http://127.0.0.1:1/'); };`;
    const without = await run(text(''), '-i', '5');
    expect(without.code, without.said).toBe(0);
    expect(without.said).toContain('ECONNREFUSED');
    const withOne = await run(text('thresholds: { http_req_failed: ["rate<0.5"] }'), '-i', '5');
    expect(withOne.code, withOne.said).toBe(99);
  });

  it.each([
    ['a missing file', ['run', 'nowhere.ts'], 104, /FILE_NOT_FOUND.*nowhere\.ts/s],
    ['a wrong flag', ['run', 't.ts', '--vuss', '3'], 104, /--vuss/],
    ['a wrong value', ['run', 't.ts', '--vus', 'many'], 104, /many/],
    ['a broker that is not there', ['ping', '--broker', 'tcp://127.0.0.1:1'], 122, /tcp:\/\/127\.0\.0\.1:1/],
  ] as const)('with %s says so', async (_, argv, code, says) => {
    const result = await muster(...argv);
    expect(result.said).toMatch(says);
    expect(result.code).toBe(code);
  });

  it('with a file without a test says so', async () => {
    expect(await run('export const options = {};')).toMatchObject({
      code: 104,
      said: expect.stringContaining('NO_TEST'),
    });
  });
});
