import { type ChildProcess, spawn } from 'node:child_process';
import { MusterError } from '@muster/protocol';

/** A child process whose output is kept and can be waited for. */
export interface ServedProcess {
  readonly pid: number;
  /** Everything said so far, each line with the process's name. */
  log(): string;
  /** Resolves with the first group of the pattern once it has been said; rejects when the process ends before. */
  said(pattern: RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, resolved when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, then SIGKILL after a while; resolved when it is gone. */
  end(): Promise<void>;
}

/** Longest log kept of a process, in characters: the latest win. */
const MAX_LOG = 1_000_000;
const END_MS = 15_000;

/** Starts a node program; its standard output and error are one log. */
export const startProcess = (name: string, program: string, argv: readonly string[]): ServedProcess => {
  const child: ChildProcess = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-MAX_LOG);
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const log = () =>
    text
      .split('\n')
      .map((line) => `${name}| ${line}`)
      .join('\n');
  const living = () => child.exitCode === null && child.signalCode === null;

  return {
    pid: child.pid ?? -1,
    log,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(text);
          if (found === null) return;
          listeners.delete(look);
          resolve(found[1] ?? found[0]);
        };
        listeners.add(look);
        look();
        void gone.then(() =>
          reject(
            new MusterError(
              'INTERNAL',
              `${name} ended before it was up (exit ${child.exitCode ?? child.signalCode})\n${log()}`,
            ),
          ),
        );
      }),
    signal: (signalName) => {
      child.kill(signalName);
    },
    kill: async () => {
      if (living()) child.kill('SIGKILL');
      await gone;
    },
    end: async () => {
      if (living()) {
        child.kill('SIGCONT');
        child.kill('SIGTERM');
      }
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await gone;
      clearTimeout(timer);
    },
  };
};
