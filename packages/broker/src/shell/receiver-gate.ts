import { LoopLag } from './loop-lag.js';

/** Where results wait: while the loop lags, and before the runs of the last broker are open. */
export class ReceiverGate {
  readonly #lag: LoopLag;
  readonly #beginning: Promise<void>;
  #begun: () => void = () => undefined;
  #hasBegun = false;

  /** @param everyMs how often `tick` is to be called */
  constructor(everyMs: number) {
    this.#lag = new LoopLag(everyMs);
    this.#beginning = new Promise((resolve) => {
      this.#begun = resolve;
    });
  }

  /** The runs are open. */
  begin(): void {
    this.#hasBegun = true;
    this.#begun();
  }

  tick(nowMs: number): void {
    this.#lag.tick(nowMs);
  }

  /** Undefined when there is nothing to wait for. */
  opening(): Promise<void> | undefined {
    return this.#hasBegun ? this.#lag.calm() : this.#beginning;
  }

  /** Nobody waits any more. */
  end(): void {
    this.begin();
    this.#lag.end();
  }
}
