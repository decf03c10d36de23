/** Something wrong in the options: where, what, and what to do. */
export interface Fault {
  /** `scenarios.buy.rate`; empty for the options as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Collects every fault of a value, so that the author sees all at once. */
export class Faults {
  readonly list: Fault[] = [];

  add(path: string, message: string): void {
    this.list.push({ path, message });
  }
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[b.length] as number;
};

/** The known name nearest to a misspelt one, as the end of a sentence; empty when none is near. */
export const suggestion = (name: string, known: readonly string[]): string => {
  const scored = known
    .map((each) => ({ each, far: distance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const [best] = scored;
  return best !== undefined && best.far <= Math.max(2, Math.floor(name.length / 3))
    ? `; did you mean "${best.each}"?`
    : '';
};
