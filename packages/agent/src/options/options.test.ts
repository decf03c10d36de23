import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveAgentOptions } from './agent-options.js';
import { readConfiguration } from './read-configuration.js';
import { AGENT_SETTINGS } from './settings.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-options-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (content: unknown): Promise<string> => {
  const path = join(folder, `${Math.random()}.json`);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const read = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const asked = await readConfiguration(argv, env, '1.2.3', () => undefined);
  if (asked.do === 'nothing') throw new Error('nothing was asked for');
  return asked.options;
};
const faultOf = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<MusterError> => {
  const thrown: unknown = await read(argv, env).catch((error: unknown) => error);
  if (thrown instanceof MusterError) return thrown;
  throw new Error('it was taken');
};

describe('the configuration of an agent', () => {
  it('has a default for everything', () => {
    expect(resolveAgentOptions({})).toMatchObject({
      broker: 'tcp://127.0.0.1:7780',
      data: null,
      node: null,
      labels: {},
      insecure: false,
      logLevel: 'info',
      maxHeapMiB: 2_048,
      hangMs: 10_000,
      limits: { unackedBytes: 16 * 1_048_576, memoryBytes: 64 * 1_048_576, diskBytes: 2_048 * 1_048_576 },
    });
  });

  it('takes flags before variables, those before the file, that before the defaults', async () => {
    const config = await file({ workers: 1, node: 'from-file', hangMs: 1_000, maxMemoryMiB: 100 });
    const env = { MUSTER_NODE: 'from-env', MUSTER_HANG_MS: '2000', MUSTER_CONFIG: config };
    const options = await read(['--hang-ms', '3000'], env);
    expect([options.workers, options.node, options.hangMs, options.maxHeapMiB]).toEqual([1, 'from-env', 3_000, 100]);
  });

  it('reads labels from flags, a variable or the file', async () => {
    expect((await read(['--label', 'zone=eu', '--label', 'size=xl=2'])).labels).toEqual({ zone: 'eu', size: 'xl=2' });
    expect((await read([], { MUSTER_LABELS: 'zone=eu, size=xl' })).labels).toEqual({ zone: 'eu', size: 'xl' });
    expect((await read(['--config', await file({ labels: { zone: 'eu' } })])).labels).toEqual({ zone: 'eu' });
    expect((await read(['--config', await file({ 'hang-ms': 1_000 })])).hangMs).toBe(1_000);
  });

  it('takes the flags that users of the original know', async () => {
    const options = await read(['--debug', '--timeout', '7', '--params', 'zone:eu|size:xl', '--max-age', '60']);
    expect(options).toMatchObject({
      logLevel: 'debug',
      labels: { zone: 'eu', size: 'xl' },
      limits: { flushMs: 7_000, maxAgeMs: 60_000 },
    });
    expect((await read(['--max-age', '-1', '--max-age-delta', '5'])).maxAgeDeltaMs).toBe(5_000);
    expect((await read(['--max-age', '-1'])).limits.maxAgeMs).toBe(Number.POSITIVE_INFINITY);
    expect((await read(['--logfile', '/tmp/a.log'])).logFile).toBe('/tmp/a.log');
    expect((await read(['--timeout', '7', '--flush-ms', '5'])).limits.flushMs).toBe(5);
    expect((await faultOf(['--timeout', 'long', '--params', 'zone'])).message).toMatch(/--timeout.*--params/);
  });

  it('names all faults at once, each with its place', async () => {
    const config = await file({ nodes: 'x', hangMs: 'soon' });
    const { code, message } = await faultOf(['--config', config, '--workers', '0', '--label', 'zone'], {
      MUSTER_LOG_LEVEL: 'loud',
    });
    expect(code).toBe('BAD_CONFIG');
    for (const part of [`${config}: nodes`, `${config}: hangMs`, 'MUSTER_LOG_LEVEL', '--workers', '--label'])
      expect(message).toContain(part);
  });

  it('refuses flags that it does not know and files that are no JSON', async () => {
    expect((await faultOf(['--colour', 'red'])).message).toContain("unknown option '--colour'");
    expect((await faultOf(['--config', join(folder, 'none.json')])).message).toContain('none.json');
    expect((await faultOf(['--config', await file('[1]')])).message).toContain('one object');
    expect(() => resolveAgentOptions({ colour: 'red' } as object)).toThrow('colour: is no setting');
  });

  it('refuses addresses that others can reach, unless it is told that they may', async () => {
    expect((await faultOf(['--broker', 'tcp://10.0.0.1:7780'])).code).toBe('NOT_LOOPBACK');
    expect((await read(['--broker', 'tcp://10.0.0.1:7780', '--insecure'])).broker).toBe('tcp://10.0.0.1:7780');
    expect((await faultOf(['--broker', 'nowhere'])).code).toBe('BAD_CONFIG');
  });

  it('prints help and version, and asks for nothing then', async () => {
    let printed = '';
    const print = (text: string) => {
      printed += text;
    };
    expect(await readConfiguration(['--help'], {}, '1.2.3', print)).toEqual({ do: 'nothing' });
    for (const name of AGENT_SETTINGS.names) expect(printed).toContain(`--${AGENT_SETTINGS.flagOf(name)}`);
    expect(await readConfiguration(['--version'], {}, '1.2.3', print)).toEqual({ do: 'nothing' });
    expect(printed).toContain('1.2.3');
  });

  it('has a variable for every setting, none twice', () => {
    const variables = AGENT_SETTINGS.names.map((name) => AGENT_SETTINGS.variableOf(name));
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toContain('MUSTER_MAX_MEMORY');
    expect(variables).toContain('MUSTER_BROKER');
    expect(variables).toContain('MUSTER_LABELS');
  });
});
