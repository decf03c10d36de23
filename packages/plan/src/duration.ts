const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `30s`, `1m30s`, `500ms`, `1.5h` or a number of milliseconds; null when it is neither. */
export const parseDuration = (given: unknown): number | null => {
  if (typeof given === 'number') return Number.isFinite(given) && given >= 0 ? given : null;
  if (typeof given !== 'string' || !/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(given.trim())) return given === '0' ? 0 : null;
  let total = 0;
  for (const [, count, unit] of given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(count) * (UNIT_MS[unit ?? 'ms'] ?? 0);
  return total;
};
