import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Resident memory of a process in MiB; null when there is no such process. */
export const residentMiB = (pid: number): number | null => {
  try {
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? null : Number(kib) / 1_024;
  } catch {
    return null;
  }
};

/** What a program logged of itself as an error, not of a run that it was told to begin: none is expected. */
export const errorLines = (log: string): readonly string[] =>
  log.split('\n').filter((line) => {
    if (/"level":60|UnhandledPromise|uncaught|\w+Warning:/i.test(line)) return true;
    return /"level":50/.test(line) && !/"msg":"run [^"]*: /.test(line);
  });

/** `muster-agent` as a process of its own. */
export interface AgentProcess {
  readonly child: ChildProcess;
  log(): string;
  close(): Promise<void>;
}

const MAX_LOG = 1_000_000;

export const startAgentProcess = (argv: readonly string[]): AgentProcess => {
  const require = createRequire(import.meta.url);
  const program = join(dirname(require.resolve('@muster/agent/package.json')), 'bin', 'muster-agent.js');
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-MAX_LOG);
    });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    log: () => text,
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(timer);
    },
  };
};
