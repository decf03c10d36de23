import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './peers.js';

const PROGRAM = fileURLToPath(new URL('../bin/muster-broker.js', import.meta.url));

/** `muster-broker` as a process of its own, with its output kept. */
export interface BrokerProcess {
  readonly child: ChildProcess;
  /** Code or signal. */
  readonly exit: Promise<number | string | null>;
  said(): string;
  /** Its frontend, when it is ready. */
  ready(): Promise<string>;
  /** Resolves when it is gone. */
  kill(): Promise<void>;
}

export const spawnBroker = (argv: readonly string[]): BrokerProcess => {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exit = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await exit;
  };
  const ready = () => until(`a broker\n${text}`, () => /"frontend":"([^"]+)".*"msg":"ready"/.exec(text)?.[1]);
  return { child, exit, said: () => text, ready, kill };
};
