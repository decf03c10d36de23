import { Worker } from 'node:worker_threads';
import { toMachineMs } from '../clock.js';
import type { WakeSource } from './pacer.js';
import { PacingMemory } from './pacing-memory.js';

/**
 * Wakes by a thread that does nothing but wait: within some tens of microseconds where a timer of Node needs up to a
 * millisecond, and without turning the main loop while nothing is due.
 */
export class ThreadSource implements WakeSource {
  readonly #memory = new PacingMemory();

  constructor(thread: URL, wake: () => void) {
    const worker = new Worker(thread, {
      workerData: { shared: this.#memory.shared },
      stdout: false,
      stderr: false,
    });
    worker.on('message', wake);
    worker.unref();
  }

  set(performanceMs: number): void {
    this.#memory.set(toMachineMs(performanceMs));
  }
}
