import type { CookieOptions, CookieJar as ScriptJar } from '@muster/script';
import { CookieJar } from './cookie-jar.js';
import type { TargetUrl } from './target-url.js';

type ReadUrl = (href: string) => TargetUrl | null;

/** A jar as tests see it, with k6's methods, around one of ours. */
export class ScriptCookieJar implements ScriptJar {
  readonly #jar: CookieJar;
  readonly #read: ReadUrl;

  constructor(read: ReadUrl, jar = new CookieJar()) {
    this.#read = read;
    this.#jar = jar;
  }

  /** The jar behind one that a test passes in; null for anything else. */
  static jarOf(given: unknown): CookieJar | null {
    return typeof given === 'object' && given !== null && #jar in given ? given.#jar : null;
  }

  cookiesForURL(url: string): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const { name, value } of this.#jar.matching(this.#place(url), Date.now())) {
      found[name] ??= [];
      found[name].push(value);
    }
    return found;
  }

  set(url: string, name: string, value: string, options: CookieOptions = {}): boolean {
    const attributes = new Map<string, string>();
    if (options.domain) attributes.set('domain', options.domain);
    if (options.path) attributes.set('path', options.path);
    if (options.expires) attributes.set('expires', options.expires);
    if (options.max_age) attributes.set('max-age', String(options.max_age));
    if (options.secure) attributes.set('secure', '');
    if (options.http_only) attributes.set('httponly', '');
    return this.#jar.set({ name: String(name), value: String(value), attributes }, this.#place(url), Date.now());
  }

  clear(url: string): void {
    this.#jar.remove(this.#place(url), Date.now());
  }

  delete(url: string, name: string): void {
    this.#jar.remove(this.#place(url), Date.now(), name);
  }

  #place(url: string): TargetUrl['cookiePlace'] {
    const found = this.#read(String(url));
    if (found === null) throw new TypeError(`${JSON.stringify(url)} is not an http or https URL`);
    return found.cookiePlace;
  }
}
