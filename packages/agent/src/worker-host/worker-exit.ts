/**
 * How a worker process came to its end.
 *
 * - `asked`: it exited with code 0 after it was told to.
 * - `memory`: V8 gave up its heap, or the kernel killed it without anybody here having asked.
 * - `hang`: its watchdog ended it, because its main loop did not turn; `where` is the author's line.
 * - `lapsed`: its watchdog ended it, because its right to load was over for a second.
 * - `exit`: it exited by itself, as `process.exit` does.
 * - `signal`: a signal ended it.
 * - `start`: it could not even be started.
 */
export interface WorkerExit {
  readonly reason: 'asked' | 'memory' | 'hang' | 'lapsed' | 'exit' | 'signal' | 'start';
  readonly code: number | null;
  readonly signal: string | null;
  /** `file:line:column` in the author's file. */
  readonly where: string | null;
  /** For people: the reason in words, with the worker's last words where they help. */
  readonly message: string;
}
