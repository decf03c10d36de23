/** Milliseconds of the machine's monotonic clock, the same in all processes of one machine; never set, never back. */
export const machineMs = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
};
