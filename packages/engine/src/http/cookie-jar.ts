import { type Cookie, type CookieLine, type CookiePlace, goesTo, makeCookie, parseSetCookie } from './cookie.js';

/** Cookies kept per jar: beyond it the oldest goes. */
const MAX_COOKIES = 300;

/** The cookies of one virtual user (RFC 6265, section 5, without the public suffix list). */
export class CookieJar {
  #cookies: Cookie[] = [];

  get empty(): boolean {
    return this.#cookies.length === 0;
  }

  clear(): void {
    this.#cookies = [];
  }

  /** Takes one `Set-Cookie` of an answer. */
  take(line: string, from: CookiePlace, nowMs: number): void {
    const parsed = parseSetCookie(line);
    if (parsed !== null) this.set(parsed, from, nowMs);
  }

  /** @returns false when the place may not set such a cookie */
  set(line: CookieLine, from: CookiePlace, nowMs: number): boolean {
    const cookie = makeCookie(line, from, nowMs);
    if (cookie === null) return false;
    const at = this.#cookies.findIndex(
      (each) => each.name === cookie.name && each.domain === cookie.domain && each.path === cookie.path,
    );
    if (cookie.expiresMs <= nowMs) {
      if (at >= 0) this.#cookies.splice(at, 1);
    } else if (at >= 0) this.#cookies[at] = cookie;
    else if (this.#cookies.push(cookie) > MAX_COOKIES) this.#cookies.shift();
    return true;
  }

  /** What a request to this place carries: longer paths first, then older ones first. */
  matching(place: CookiePlace, nowMs: number): Cookie[] {
    return this.#cookies.filter((each) => goesTo(each, place, nowMs)).sort((a, b) => b.path.length - a.path.length);
  }

  /** Removes what a request to this place would carry; with a name only that. */
  remove(place: CookiePlace, nowMs: number, name?: string): void {
    this.#cookies = this.#cookies.filter(
      (each) => !goesTo(each, place, nowMs) || (name !== undefined && each.name !== name),
    );
  }
}
