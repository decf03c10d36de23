const KEPT_LINES = 50;
const LINE_CHARS = 4_096;

/** The last lines of a stream that may never end and may never break a line: bounded both ways. */
export class LastLines {
  readonly #onLine: (line: string) => void;
  #lines: string[] = [];
  #open = '';

  constructor(onLine: (line: string) => void = () => undefined) {
    this.#onLine = onLine;
  }

  add(text: string): void {
    const parts = (this.#open + text).split('\n');
    this.#open = (parts.pop() ?? '').slice(0, LINE_CHARS);
    for (const part of parts) this.#take(part);
  }

  /** The stream is over: what has no line break is a line too. */
  end(): void {
    if (this.#open !== '') this.#take(this.#open);
    this.#open = '';
  }

  #take(part: string): void {
    const line = part.trimEnd().slice(0, LINE_CHARS);
    if (line === '') return;
    this.#lines = [...this.#lines.slice(1 - KEPT_LINES), line];
    this.#onLine(line);
  }

  /** What says most of why a process ended: the last line that names an error, else the last three. */
  cause(): string {
    return this.#lines.findLast((line) => /\b\w*Error\b/.test(line)) ?? this.#lines.slice(-3).join(' | ');
  }
  get text(): string {
    return [...this.#lines, this.#open].join('\n');
  }
}
