import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `muster-agent` as a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  readonly exit: Promise<number | string>;
  readonly log: () => string;
  kill(): Promise<void>;
}

const BIN = fileURLToPath(new URL('../../bin/muster-agent.js', import.meta.url));

/** A process in its own environment, with its output kept. */
export const startProgram = (argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Program => {
  const child = spawn(process.execPath, [BIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exit = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'gone'));
  });
  return {
    child,
    exit,
    log: () => text,
    kill: async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await exit;
    },
  };
};
