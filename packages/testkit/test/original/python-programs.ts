import { execFile, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's modules are for this Python, which need not be the first on the path. */
export const PYTHON = '/usr/bin/python3';
const hasZmq = spawnSync(PYTHON, ['-c', 'import zmq']).status === 0;
/** Without python3-zmq these tests are left out by name; where everything must be there they fail. */
export const leftOut = !hasZmq && process.env.CI !== 'true';

const program = (name: string): string => fileURLToPath(new URL(`../python/${name}`, import.meta.url));
const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };

/** An agent of the original in Python, as a process. */
export interface PythonAgent {
  readonly id: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM; resolved when it is gone. */
  close(): Promise<void>;
}

/** Resolves when it has pushed its registration. */
export const startPythonAgent = async (frontend: string, hostname: string): Promise<PythonAgent> => {
  const child = spawn(PYTHON, [program('loads_agent.py'), frontend, hostname], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const id = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const [, found] = /^agent (\S+)\n/m.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
    void gone.then(() => reject(new Error('the agent in Python ended before it was up')));
  });
  return {
    id,
    pid: child.pid ?? -1,
    signal: (name) => void child.kill(name),
    close: async () => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await gone;
    },
  };
};

/** What a program of the original reads or writes. */
export type Plain = Record<string, unknown>;
const run = promisify(execFile);

/** One command of the client in Python, with the whole answer. */
export const askInPython = async (frontend: string, command: string, fields: object = {}): Promise<Plain> => {
  const argv = [program('loads_client.py'), frontend, 'ask', command, JSON.stringify(fields)];
  return JSON.parse((await run(PYTHON, argv, { env })).stdout) as Plain;
};

/** A run that the client in Python started and follows. */
export interface FollowedRun {
  /** `started`, `first` (live results came) or `ended`, as the client saw it. */
  saw(event: 'started' | 'first' | 'ended'): Promise<Plain>;
}

export interface FollowOptions {
  readonly agents: number;
  readonly args: object;
  /** A zip of files that go along. */
  readonly archive?: string;
}

export const runInPython = (frontend: string, { agents, args, archive }: FollowOptions): FollowedRun => {
  const argv = [program('loads_client.py'), frontend, 'run', String(agents), JSON.stringify(args)];
  const child = spawn(PYTHON, archive === undefined ? argv : [...argv, archive], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const lines = (): Plain[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Plain);
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    saw: (event) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines().find((line) => line.event === event);
          if (found !== undefined) resolve(found);
        };
        child.stdout.on('data', look);
        look();
        void gone.then(() => reject(new Error(`the client in Python ended without "${event}":\n${text}`)));
      }),
  };
};

/** A zip archive of files, made by Python. */
export const zipInPython = async (archive: string, files: readonly string[]): Promise<string> => {
  await run(PYTHON, ['-m', 'zipfile', '-c', archive, ...files]);
  return archive;
};
