/** Different texts that are kept; what is new beyond it becomes one text. */
const MAX_TEXTS = 60_000;
const MAX_LENGTH = 8_192;
const OTHERS = '(others)';

/** Texts by number, so that a row holds numbers only. The numbers stay valid for the life of the table. */
export class TextTable {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [OTHERS];
  #local = new Int32Array(64);
  #used: string[] = [];

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= MAX_TEXTS) return 0;
    const made = this.#texts.push(text.slice(0, MAX_LENGTH)) - 1;
    this.#numbers.set(text, made);
    return made;
  }

  /** Begins a table of only those texts that a batch uses: {@link local} numbers them anew from 0. */
  beginBatch(): void {
    if (this.#local.length < this.#texts.length) this.#local = new Int32Array(this.#texts.length * 2);
    this.#local.fill(0);
    this.#used = [];
  }
  local(number: number): number {
    const known = this.#local[number] as number;
    if (known !== 0) return known - 1;
    this.#local[number] = this.#used.push(this.#texts[number] as string);
    return this.#used.length - 1;
  }
  /** The texts of the batch, by their local numbers. */
  get batchTexts(): string[] {
    return this.#used;
  }
}
