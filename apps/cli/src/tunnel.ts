import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { formatEndpoint, MusterError, parseEndpoint } from '@muster/protocol';

/** Endpoints on another machine, reached through the system's `ssh`. */
export interface Tunnel extends AsyncDisposable {
  /** The near end of a way to an endpoint as that machine sees it; one way for each. */
  readonly reach: (endpoint: string) => Promise<string>;
}

export interface TunnelOptions {
  /** `[user@]host[:port]`, or a name of the user's ssh configuration. */
  readonly host: string;
  /** How long `ssh` may take to get there. @default 30_000 */
  readonly timeoutMs?: number;
  /** Further arguments of `ssh`. @default none */
  readonly arguments?: readonly string[];
}

const TIMEOUT_MS = 30_000;
const LOOK_MS = 50;
const HOST = /^(?!-)(?:(?<user>[^\s@:]+)@)?(?<name>\[[0-9a-fA-F:]+\]|[^\s@:[\]]+)(?::(?<port>\d{1,5}))?$/;

/**
 * Opens ways through `ssh -L`, with the user's own configuration, keys and agent. Each is a process of its own, which
 * ends with the tunnel.
 *
 * @throws MusterError `BAD_CONFIG` for a host that is none
 */
export const openTunnel = ({ host, timeoutMs = TIMEOUT_MS, arguments: more = [] }: TunnelOptions): Tunnel => {
  const { user, name, port } = HOST.exec(host)?.groups ?? {};
  if (name === undefined)
    throw new MusterError('BAD_CONFIG', `--ssh "${host}" is not [USER@]HOST[:PORT]`, {
      hint: 'as in --ssh me@broker:22',
    });
  const ways = new Map<string, Promise<string>>();
  const processes: ChildProcess[] = [];
  const target = [
    ...(port === undefined ? [] : ['-p', port]),
    ...(user === undefined ? [] : ['-l', user]),
    ...more,
    '--',
    name.replace(/^\[|\]$/g, ''),
  ];

  const open = async (endpoint: string): Promise<string> => {
    const far = parseEndpoint(endpoint);
    const near = await freePort();
    const end =
      far.transport === 'ipc'
        ? far.path
        : `${far.host === '*' || far.host === '0.0.0.0' ? '127.0.0.1' : far.host}:${far.port}`;
    const options = [
      '-o',
      'ExitOnForwardFailure=yes',
      '-o',
      'ServerAliveInterval=15',
      '-N',
      '-L',
      `127.0.0.1:${near}:${end}`,
    ];
    const child = spawn('ssh', [...options, ...target], { stdio: ['inherit', 'ignore', 'pipe'] });
    processes.push(child);
    await opened(child, near, host, timeoutMs);
    return formatEndpoint({ transport: 'tcp', host: '127.0.0.1', port: near });
  };
  return {
    reach: (endpoint) => {
      const way = ways.get(endpoint) ?? open(endpoint);
      ways.set(endpoint, way);
      return way;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(processes.map(end));
    },
  };
};

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) resolve();
    else {
      child.once('close', () => resolve());
      child.kill('SIGTERM');
    }
  });

/** Resolves when the near end accepts; `ssh` opens it when it has got there. */
const opened = (child: ChildProcess, port: number, host: string, timeoutMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let said = '';
    let timer: NodeJS.Timeout | undefined;
    const untilMs = performance.now() + timeoutMs;
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGTERM');
      reject(new MusterError('BROKER_UNREACHABLE', `ssh did not get to ${host}: ${why}`));
    };
    child.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-2_000);
    });
    child.once('error', (cause) => fail(`it can't be started: ${cause.message}`));
    child.once('close', (code) => fail(said.trim() || `it ended with ${code}`));
    const look = () => {
      const probe = connect({ host: '127.0.0.1', port });
      probe.once('connect', () => {
        probe.destroy();
        child.removeAllListeners('close');
        resolve();
      });
      probe.once('error', () => {
        probe.destroy();
        if (child.exitCode !== null) return;
        if (performance.now() > untilMs) fail(`not within ${timeoutMs} ms`);
        else timer = setTimeout(look, LOOK_MS);
      });
    };
    look();
  });

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
