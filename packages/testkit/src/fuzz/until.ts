const LOOK_MS = 5;

/** Waits for a condition; false when the time is over or somebody else said so. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  patienceMs: number,
  isOver: () => boolean = () => false,
): Promise<boolean> => {
  const end = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > end || isOver()) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
};

/** The same, with an error that says what was waited for in vain. */
export const need = async (what: string, condition: () => boolean | Promise<boolean>, patienceMs = 60_000) => {
  if (!(await until(condition, patienceMs))) throw new Error(`waited in vain for ${what}`);
};
