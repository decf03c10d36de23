/**
 * The machine's monotonic clock in milliseconds, as `machineMs` of `@muster/protocol` tells it. Written here once more,
 * for the threads of a worker load nothing else of that package.
 */
export const machineNow = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
};

const SAMPLES = 50;

/** Reads one clock between two reads of the other: the tightest of many pairs is the truest, for first calls are slow. */
const measureOffsetMs = (): number => {
  let tightestMs = Number.POSITIVE_INFINITY;
  let offsetMs = 0;
  for (let n = 0; n < SAMPLES; n += 1) {
    const before = performance.now();
    const machine = machineNow();
    const after = performance.now();
    if (after - before >= tightestMs) continue;
    tightestMs = after - before;
    offsetMs = machine - (before + after) / 2;
  }
  return offsetMs;
};

/**
 * `performance.now()` and the machine's monotonic clock are the same clock with different zeros: the difference is a
 * constant of the process, taken once, so the cheap one serves everywhere.
 */
const OFFSET_MS = measureOffsetMs();

/** An instant of `performance.now()` on the machine's clock. */
export const toMachineMs = (performanceMs: number): number => performanceMs + OFFSET_MS;
/** An instant of the machine's clock on that of `performance.now()`. */
export const fromMachineMs = (machineMs: number): number => machineMs - OFFSET_MS;
