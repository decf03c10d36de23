import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A program of ours as a process of its own, with everything that it said. */
export interface Program {
  readonly pid: number;
  readonly exit: Promise<number | string>;
  said(): string;
  signal(name: NodeJS.Signals): void;
  /** Ends it, if it has not ended, and waits for that. */
  end(name?: NodeJS.Signals): Promise<void>;
}

const BINS = {
  broker: fileURLToPath(new URL('../../../../broker/bin/muster-broker.js', import.meta.url)),
  agent: fileURLToPath(new URL('../../../../agent/bin/muster-agent.js', import.meta.url)),
} as const;

export const startProgram = (name: keyof typeof BINS, argv: readonly string[]): Program => {
  const child = spawn(process.execPath, [BINS[name], ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exit = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'gone'));
  });
  return {
    pid: child.pid ?? 0,
    exit,
    said: () => text,
    signal: (signal) => void child.kill(signal),
    end: async (signal = 'SIGTERM') => {
      if (isThere(child)) child.kill(signal);
      await exit;
    },
  };
};

const isThere = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;
