/** A pause that something else can end early. */
export class Pause {
  #timer: NodeJS.Timeout | undefined;
  #resolve: (() => void) | undefined;

  /** Waits so long, or until {@link wake}. */
  for(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#timer = setTimeout(() => this.wake(), Math.min(ms, 2_147_483_647));
    });
  }

  wake(): void {
    clearTimeout(this.#timer);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }
}

/** While the right to load is away, looks for it again so often. */
export const QUIET_LOOK_MS = 20;
