const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** To whole microseconds, the grain of a run's clock: 0.1 s is 100 ms and not a trifle more. */
const toGrain = (ms: number): number | null => {
  const us = Math.round(ms * 1_000);
  return Number.isSafeInteger(us) && ms >= 0 ? us / 1_000 + 0 : null;
};

/**
 * Reads `30s`, `1m30s`, `500ms`, `1.5h`, `1d` or a number of milliseconds, rounded to microseconds; null when it is
 * neither, negative or beyond what can be counted.
 */
export const parseDuration = (given: unknown): number | null => {
  if (typeof given === 'number') return toGrain(given);
  if (typeof given !== 'string') return null;
  const text = given.trim();
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(count) * (UNIT_MS[unit ?? 'ms'] ?? 0);
  return toGrain(total);
};

/** Writes milliseconds the way {@link parseDuration} reads them: `1m30s`, `500ms`, `0s`. Below a microsecond is lost. */
export const formatDuration = (ms: number): string => {
  let left = toGrain(ms) ?? 0;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(left / (UNIT_MS[unit] as number));
    if (count > 0) text += `${count}${unit}`;
    left -= count * (UNIT_MS[unit] as number);
  }
  const us = Math.round(left * 1_000);
  if (us > 0) text += `${us / 1_000}ms`;
  return text === '' ? '0s' : text;
};
