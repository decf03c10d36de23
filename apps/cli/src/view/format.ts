/** Milliseconds as people read them: `301µs`, `12.35ms`, `1.2s`, `2m05s`. */
export const duration = (ms: number): string => {
  if (!Number.isFinite(ms)) return String(ms);
  const size = Math.abs(ms);
  if (size === 0) return '0s';
  if (size < 1) return `${trim(ms * 1_000)}µs`;
  if (size < 1_000) return `${trim(ms)}ms`;
  if (size < 60_000) return `${trim(ms / 1_000)}s`;
  return clock(ms);
};

/** Whole seconds as a clock: `0m12s`, `1h03m20s`. */
export const clock = (ms: number): string => {
  const total = Math.round(ms / 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes, seconds] = [Math.floor(total / 3_600), Math.floor(total / 60) % 60, total % 60];
  return hours > 0 ? `${hours}h${two(minutes)}m${two(seconds)}s` : `${minutes}m${two(seconds)}s`;
};

/** At most two decimals, none of them an idle zero. */
export const trim = (n: number): string => String(Number(n.toFixed(2)));

/** Bytes in decimal units: `1.2 MB`. */
export const bytes = (n: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = n;
  let unit = 0;
  while (Math.abs(size) >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${trim(size)} ${units[unit]}`;
};

/** A share as a percentage with two decimals. */
export const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** How long ago, for lists: `12s ago`, `3h ago`. */
export const ago = (then: string | null, nowMs: number): string => {
  if (then === null) return '-';
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(then)) / 1_000));
  if (seconds < 120) return `${seconds}s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)}m ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)}h ago`;
  return `${Math.round(seconds / 86_400)}d ago`;
};
