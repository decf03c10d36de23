import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveBrokerOptions } from './broker-options.js';
import { readConfiguration } from './read-configuration.js';
import { BROKER_SETTINGS } from './settings.js';

let folder: string;
const printed: string[] = [];
beforeEach(async () => {
  printed.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'muster-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const read = (argv: string[], env: Record<string, string> = {}) =>
  readConfiguration(argv, env, '1.2.3', (text) => printed.push(text));
const optionsOf = async (argv: string[], env: Record<string, string> = {}) => {
  const asked = await read(argv, env);
  if (asked.do === 'nothing') throw new Error('nothing was asked for');
  return asked.options;
};
const faultOf = async (work: Promise<unknown>): Promise<MusterError> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof MusterError)) throw new Error('nothing was thrown');
  return thrown;
};

describe('the options of a broker', () => {
  it('can be where programs of the original look, with a heartbeat only when it is named', async () => {
    const loads = resolveBrokerOptions({ loadsDefaults: true, backend: 'ipc:///tmp/mine.ipc' });
    expect(loads.bind).toMatchObject({
      frontend: 'ipc:///tmp/loads-front.ipc',
      backend: 'ipc:///tmp/mine.ipc',
      receiver: 'ipc:///tmp/loads-broker-receiver.ipc',
    });
    expect(loads.heartbeat).toBeNull();
    expect((await optionsOf(['--debug', '--io-threads', '2', '--loads-defaults'])).logLevel).toBe('debug');
    expect((await optionsOf(['--debug', '--log-level', 'warn'])).logLevel).toBe('warn');
    expect((await optionsOf(['--debug'], { MUSTER_LOG_LEVEL: 'warn' })).logLevel).toBe('debug');
    expect(loads.original).toEqual({ pollMs: 2_500, agentTimeoutMs: 60_000, beatMs: 10_000 });
    expect(resolveBrokerOptions({ heartbeat: 'tcp://127.0.0.1:7785' }).heartbeat).toBe('tcp://127.0.0.1:7785');
    expect(() => resolveBrokerOptions({ heartbeat: 'tcp://0.0.0.0:7785' })).toThrow('NOT_LOOPBACK');
  });

  it('have the ports of the protocol by default, and free ones beside another frontend', () => {
    expect(resolveBrokerOptions({}).bind).toEqual({
      frontend: 'tcp://127.0.0.1:7780',
      backend: 'tcp://127.0.0.1:7781',
      register: 'tcp://127.0.0.1:7782',
      receiver: 'tcp://127.0.0.1:7783',
      publisher: 'tcp://127.0.0.1:7776',
      events: 'tcp://127.0.0.1:7786',
    });
    expect(
      resolveBrokerOptions({ frontend: 'tcp://127.0.0.2:9000', events: 'tcp://127.0.0.2:9001' }).bind,
    ).toMatchObject({
      backend: 'tcp://127.0.0.2:*',
      events: 'tcp://127.0.0.2:9001',
    });
  });

  it('refuse an address that others can reach, unless told so', () => {
    expect(() => resolveBrokerOptions({ frontend: 'tcp://0.0.0.0:7780' })).toThrow(/NOT_LOOPBACK.*--insecure/);
    expect(() => resolveBrokerOptions({ receiver: 'tcp://10.0.0.1:7783' })).toThrow(/NOT_LOOPBACK/);
    expect(resolveBrokerOptions({ frontend: 'tcp://0.0.0.0:7780', insecure: true }).bind.backend).toBe(
      'tcp://0.0.0.0:*',
    );
  });

  it('that contradict each other are refused', () => {
    expect(() => resolveBrokerOptions({ beatMs: 2_000 })).toThrow(/leaseMs.*longer than a beat/);
    expect(() => resolveBrokerOptions({ lostMs: 1_000 })).toThrow(/lostMs.*at least the lease/);
    expect(() => resolveBrokerOptions({ prots: 1 } as object)).toThrow(/prots: is no setting/);
  });
});

describe('the store', () => {
  it('is DuckDB by default, and named with its options by flag, variable and file', async () => {
    expect((await optionsOf([])).store).toEqual({ store: 'duckdb', options: {} });
    const file = join(folder, 'broker.json');
    await writeFile(file, JSON.stringify({ db: 'duckdb', 'db-duckdb-max-size': 5, 'db-duckdb-directory': '/file' }));
    const env = { MUSTER_DB_DUCKDB_DIRECTORY: '/env', MUSTER_DB_DUCKDB_SYNC_DELAY: '50' };
    const asked = await optionsOf(['--config', file, '--db-duckdb-sync-delay=70'], env);
    expect(asked.store.options).toEqual({ 'max-size': '5', directory: '/env', 'sync-delay': '70' });
  });

  it('takes the name and the options of the original’s file store for its own', async () => {
    const argv = ['--db', 'python', '--db-python-directory', '/tmp/loads', '--db-python-sync-delay', '2000'];
    const { store } = await optionsOf([...argv, '--db-python-max-size', '-1', '--db-redis-host', 'localhost']);
    expect(store).toEqual({
      store: 'duckdb',
      options: { directory: '/tmp/loads', 'sync-delay': '2000', 'max-size': '-1' },
    });
  });

  it('may be a module, whose options are its own', async () => {
    const { store } = await optionsOf(['--db', './my-store.mjs', '--db-my-store-url', 'http://x/']);
    expect(store).toEqual({
      store: expect.stringMatching(/^file:.*\/my-store\.mjs$/),
      options: { url: 'http://x/' },
    });
  });

  it('is refused with a reason when it is none, or an option is', async () => {
    const faults = async (...argv: string[]) => (await faultOf(read(argv))).message;
    expect(await faults('--db', 'redis')).toContain('Use duckdb');
    expect(await faults('--db', 'sqlite')).toContain('duckdb, memory, or the path of a module');
    expect(await faults('--db-duckdb-colour', 'red')).toContain('is no option of duckdb');
    expect(await faults('--db-sqlite-file', 'x')).toContain('names no store');
    expect(await faults('--db-duckdb-max-size', 'large')).toContain('like 500MB or 10GB');
    expect(await faults('--db-duckdb-max-size')).toContain('needs a value');
    expect(() => resolveBrokerOptions({ dbOptions: { 'duckdb-sync-delay': 'soon' } })).toThrow('milliseconds');
  });

  it('keeps rows unless it is told not to', async () => {
    expect((await optionsOf([])).keepRows).toBe(true);
    expect((await optionsOf(['--no-keep-rows'])).keepRows).toBe(false);
  });
});

describe('the configuration', () => {
  it('lets flags win over variables, and those over the file', async () => {
    const file = join(folder, 'broker.json');
    await writeFile(file, JSON.stringify({ 'beat-ms': 100, leaseMs: 1_100, 'log-level': 'warn', data: '/file' }));
    const env = { MUSTER_CONFIG: file, MUSTER_LEASE_MS: '1200', MUSTER_DATA: '/env' };
    const options = await optionsOf(['--data', '/flag'], env);
    expect(options.times).toMatchObject({ beatMs: 100, leaseMs: 1_200 });
    expect(options.data).toBe('/flag');
    expect(options.logLevel).toBe('warn');
  });

  it('has every setting as a flag and as a variable', async () => {
    for (const name of BROKER_SETTINGS.names) {
      expect(BROKER_SETTINGS.variableOf(name)).toMatch(/^MUSTER_[A-Z_]+$/);
      await read(['--help']);
      expect(printed.join('')).toContain(`--${BROKER_SETTINGS.flagOf(name)}`);
    }
  });

  it('knows --no-keep-ports and --insecure', async () => {
    const asked = await optionsOf(['--no-keep-ports', '--insecure', '--frontend', 'tcp://0.0.0.0:1']);
    expect([asked.keepPorts, asked.insecure]).toEqual([false, true]);
    expect((await optionsOf([], { MUSTER_KEEP_PORTS: 'no' })).keepPorts).toBe(false);
    expect((await optionsOf([])).keepPorts).toBe(true);
  });

  it('names every fault at once, each where it was written', async () => {
    const file = join(folder, 'broker.json');
    await writeFile(file, JSON.stringify({ beatMs: -1, prot: 3 }));
    const error = await faultOf(
      read(['--config', file, '--frontend', 'nowhere', '--log-level', 'loud'], { MUSTER_LOST_MS: 'soon' }),
    );
    expect(error.code).toBe('BAD_CONFIG');
    for (const part of [`${file}: beatMs`, `${file}: prot`, '--frontend', '--log-level', 'MUSTER_LOST_MS'])
      expect(error.message).toContain(part);
  });

  it('takes options of observers from flags, variables and the file, by the same rule', async () => {
    const file = join(folder, 'broker.json');
    const email = { host: 'file.example', port: 25, password: 'file' };
    await writeFile(file, JSON.stringify({ observers: { email }, observerModules: { pager: './pager.mjs' } }));
    const env = {
      MUSTER_CONFIG: file,
      MUSTER_OBSERVER_EMAIL_PASSWORD: 'env',
      MUSTER_OBSERVER_EMAIL_HOST: 'env.example',
    };
    const flags = [
      '--observer-email-host',
      'flag.example',
      '--observer-module=chat=@acme/chat',
      '--web-root',
      'http://x',
    ];
    const { observers } = await optionsOf(flags, env);
    expect(observers).toEqual({
      settings: { email: { host: 'flag.example', port: 25, password: 'env' } },
      modules: { pager: './pager.mjs', chat: '@acme/chat' },
      webRoot: 'http://x',
      times: { tryMs: 10_000, tries: 5, backoffMs: 1_000 },
    });
    await read(['--help']);
    expect(printed.join('')).toContain('--observer-email-password');
  });

  it('names faults of observers with the others, and repeats no value', async () => {
    const error = await faultOf(
      read(
        [
          '--observer-email-port',
          'hush',
          '--observer-pager-x',
          '1',
          '--observer-module',
          'console=./x.mjs',
          '--web-root',
          'y',
        ],
        {
          MUSTER_OBSERVER_IRC_COLOUR: 'red',
        },
      ),
    );
    for (const part of [
      '--observer-email-port: must be a port',
      '--observer-pager-x: there is no observer pager',
      'MUSTER_OBSERVER_IRC_COLOUR: the observer irc has no option colour',
      '--observer-module console: there is an observer console',
    ])
      expect(error.message).toContain(part);
    expect(error.message).not.toMatch(/hush|red/);
    expect((await faultOf(read(['--web-root', 'ftp://x']))).message).toContain('--web-root');
    expect((await faultOf(read(['--observer-email-host']))).message).toContain('wants a value');
  });

  it('refuses unknown flags and files that are none', async () => {
    expect((await faultOf(read(['--frotend', 'x']))).message).toContain('--frotend');
    expect((await faultOf(read(['--config', join(folder, 'none.json')]))).message).toContain('none.json');
    expect((await faultOf(read(['stray']))).code).toBe('BAD_CONFIG');
  });

  it('prints help and the version', async () => {
    expect(await read(['--help'])).toEqual({ do: 'nothing' });
    expect(printed.join('')).toContain('MUSTER_BEAT_MS');
    printed.length = 0;
    await read(['--version']);
    expect(printed.join('').trim()).toBe('1.2.3');
    expect(await read(['--check'])).toMatchObject({ do: 'check' });
  });
});
