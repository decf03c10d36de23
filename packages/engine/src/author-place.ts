import { readFileSync } from 'node:fs';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

const MARK = '//# sourceMappingURL=data:application/json;base64,';

/** Finds the author's line behind a line of the bundle, by the source map inside it. Read when the first error comes. */
export class AuthorPlaces {
  readonly #bundlePath: string;
  #map: TraceMap | null | undefined;
  readonly #known = new Map<string, string | null>();

  constructor(bundlePath: string) {
    this.#bundlePath = bundlePath;
  }

  /** `file:line:column` of the innermost frame that lies in the author's code; null when there is none. */
  of(stack: string | undefined): string | null {
    if (stack === undefined) return null;
    for (const line of stack.split('\n')) {
      const found = /([^\s()]+):(\d+):(\d+)\)?$/.exec(line);
      if (found?.[1] === undefined || !found[1].includes(this.#bundlePath)) continue;
      const place = this.at(Number(found[2]), Number(found[3]));
      if (place !== null) return place;
    }
    return null;
  }

  /** The place of a line and column of the bundle, both from 1. */
  at(line: number, column: number): string | null {
    const key = `${line}:${column}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const map = this.#load();
    const found = map === null ? null : originalPositionFor(map, { line, column: column - 1 });
    const place = found === null || found.source === null ? null : `${found.source}:${found.line}:${found.column + 1}`;
    if (this.#known.size < 10_000) this.#known.set(key, place);
    return place;
  }

  #load(): TraceMap | null {
    if (this.#map !== undefined) return this.#map;
    const text = readFileSync(this.#bundlePath, 'utf8');
    const at = text.lastIndexOf(MARK);
    this.#map =
      at < 0 ? null : new TraceMap(Buffer.from(text.slice(at + MARK.length).trim(), 'base64').toString('utf8'));
    return this.#map;
  }
}
