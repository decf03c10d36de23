/**
 * Shares room for rows among kinds: who wants little gets all of it, the others get the same.
 *
 * @returns how many each may have, in the order of `wants`
 */
export const shareRows = (wants: readonly number[], room: number): readonly number[] => {
  const given = wants.map(() => 0);
  const modest = wants.map((want, index) => ({ want, index })).sort((a, b) => a.want - b.want);
  let left = room;
  for (const [at, { want, index }] of modest.entries()) {
    const share = Math.min(want, Math.floor(left / (modest.length - at)));
    given[index] = share;
    left -= share;
  }
  return given;
};
