/** A socket as its user holds it. */
export interface HeldSocket {
  /** Nothing waits for it any more: it says goodbye, and nothing of it reaches the test. */
  leave(): void;
  /** The same without a goodbye. */
  cutOff(): void;
}

/** The sockets of one virtual user, and what went wrong in their callbacks. */
export class UserSockets {
  readonly #held = new Set<HeldSocket>();
  /** Callbacks that returned a promise which has not settled. */
  #callbacks = 0;
  #failure: { readonly thrown: unknown } | null = null;
  #onIdle: (() => void) | null = null;

  add(socket: HeldSocket): void {
    this.#held.add(socket);
  }
  delete(socket: HeldSocket): void {
    this.#held.delete(socket);
    this.#look();
  }

  callbackBegan(): void {
    this.#callbacks += 1;
  }
  callbackEnded(): void {
    this.#callbacks -= 1;
    this.#look();
  }

  /** A callback threw: the iteration has failed, and its sockets are left. The first of several counts. */
  fail(thrown: unknown): void {
    this.#failure ??= { thrown };
    this.leave();
    this.#look();
  }

  /**
   * The end of an iteration: leaves what is open. Rejects with what a callback threw.
   * @param waits the function gave no promise, so it lasts until its sockets are closed, as in k6
   */
  async end(waits: boolean): Promise<void> {
    if (waits && this.#isBusy) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.leave();
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.thrown;
  }

  /** The iteration is over, whatever became of it: what is open is left, and what a callback threw is forgotten. */
  drop(): void {
    this.leave();
    this.#failure = null;
  }

  leave(): void {
    for (const socket of [...this.#held]) socket.leave();
  }
  cutOff(): void {
    for (const socket of [...this.#held]) socket.cutOff();
  }

  get #isBusy(): boolean {
    return this.#failure === null && (this.#held.size > 0 || this.#callbacks > 0);
  }
  #look(): void {
    if (this.#isBusy) return;
    this.#onIdle?.();
    this.#onIdle = null;
  }
}
