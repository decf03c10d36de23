import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

const MARK = '//# sourceMappingURL=data:application/json;base64,';

const PACKAGES = 'node_modules/';
const MAX_KNOWN = 10_000;

/**
 * Finds the author's line behind a line of the bundle, by the source map inside it, which is read when the first error
 * comes. (Node's own support for source maps makes every error slow, thrown or not.)
 */
export class AuthorPlaces {
  readonly #bundlePath: string;
  readonly #url: string;
  #map: TraceMap | null | undefined;
  readonly #known = new Map<string, string | null>();

  constructor(bundlePath: string) {
    this.#bundlePath = bundlePath;
    this.#url = pathToFileURL(bundlePath).href;
  }

  /**
   * `file:line:column` of the innermost frame in the author's own files, else in a package that they import; null when
   * there is none.
   */
  of(stack: string | undefined): string | null {
    if (stack === undefined) return null;
    let inPackage: string | null = null;
    for (const line of stack.split('\n')) {
      const at = line.indexOf(this.#url);
      const found = at < 0 ? null : /^:(\d+):(\d+)/.exec(line.slice(at + this.#url.length));
      const place = found === null ? null : this.at(Number(found[1]), Number(found[2]));
      if (place === null) continue;
      if (!place.includes(PACKAGES)) return place;
      inPackage ??= place;
    }
    return inPackage;
  }

  /** The place of a line and column of the bundle, both from 1. */
  at(line: number, column: number): string | null {
    const key = `${line}:${column}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const map = this.#load();
    const found = map === null ? null : originalPositionFor(map, { line, column: column - 1 });
    const place = found === null || found.source === null ? null : `${found.source}:${found.line}:${found.column + 1}`;
    if (this.#known.size < MAX_KNOWN) this.#known.set(key, place);
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
