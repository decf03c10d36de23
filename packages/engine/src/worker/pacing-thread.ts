import { parentPort, workerData } from 'node:worker_threads';
import { machineNow } from '../clock.js';
import { PacingMemory } from '../pace/pacing-memory.js';

/** Waits for the instant that the main loop has set, then wakes it, once. */
const memory = new PacingMemory((workerData as { readonly shared: SharedArrayBuffer }).shared);

for (;;) {
  const { version, machineMs: atMs } = memory;
  const leftMs = atMs - machineNow();
  if (leftMs > 0) memory.waitWhile(version, leftMs);
  else {
    parentPort?.postMessage(0);
    memory.waitWhile(version, Number.POSITIVE_INFINITY);
  }
}
