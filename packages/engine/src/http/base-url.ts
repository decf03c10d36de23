/** Relative URLs kept per base; beyond it the table starts afresh. */
const MAX_ENTRIES = 10_000;

/** Where relative URLs lead: resolved as a browser does, each once. */
export class BaseUrl {
  readonly #base: string;
  readonly #known = new Map<string, string>();

  /** @param base an absolute URL; empty: there is none */
  constructor(base: string) {
    this.#base = base;
  }

  /** The absolute URL behind a relative one; as given when it is absolute, or there is no base. */
  resolve(href: string): string {
    if (this.#base === '') return href;
    const known = this.#known.get(href);
    if (known !== undefined) return known;
    const absolute = URL.canParse(href) || !URL.canParse(href, this.#base) ? href : new URL(href, this.#base).href;
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    this.#known.set(href, absolute);
    return absolute;
  }

  /** What to tell of a URL that was none. */
  whyNot(href: string): string {
    const shown = href.slice(0, 200);
    return this.#base === '' && !URL.canParse(href)
      ? `"${shown}" has no scheme and the test has no base: set options.baseUrl, give --server-url, or use http.at(url)`
      : shown;
  }
}
