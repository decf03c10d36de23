/** What keeps a text from being read, and where. */
export class ScanFault extends Error {
  override readonly name = 'ScanFault';
}

/** Walks over a short text from left to right; says at which character it stopped making sense. */
export class TextScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpace(): void {
    this.take(/\s*/y);
  }

  /** What a sticky expression matches from here; undefined, without moving, when it does not. */
  take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** {@link take}, or a fault that says what was expected. */
  need(sticky: RegExp, what: string): string {
    return this.take(sticky) ?? this.fail(`expected ${what}`);
  }

  needEnd(): void {
    if (!this.ended) this.fail('expected nothing more');
  }

  fail(why: string): never {
    throw new ScanFault(`"${this.#text}": ${why} at character ${this.#at + 1}`);
  }
}

/** What `read` gives, or the text of the fault at which it stopped. */
export const scan = <T>(text: string, read: (from: TextScanner) => T): T | string => {
  try {
    return read(new TextScanner(text));
  } catch (thrown) {
    if (thrown instanceof ScanFault) return thrown.message;
    throw thrown;
  }
};
