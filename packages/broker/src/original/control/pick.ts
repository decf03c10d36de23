/** Mulberry32: enough to spread runs over agents, and the same for the same seed. */
const numbers = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** So many of these, any of them as likely as any other. */
export const pick = <T>(from: readonly T[], count: number, seed: number): readonly T[] => {
  const next = numbers(seed);
  const left = [...from];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) picked.push(...left.splice(Math.floor(next() * left.length), 1));
  return picked;
};
