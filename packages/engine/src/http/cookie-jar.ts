import type { TargetUrl } from './target-url.js';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Only this host, not those below it. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  /** Wall-clock milliseconds; infinite for the length of the session. */
  readonly expiresMs: number;
}

/** Cookies kept per user: beyond it the oldest goes. */
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
  take(line: string, from: TargetUrl, nowMs: number): void {
    const [pair = '', ...attributes] = line.split(';');
    const at = pair.indexOf('=');
    if (at < 1) return;
    const given = new Map(attributes.map((each) => splitOnce(each)));
    const host = from.origin.host.toLowerCase();
    const asked = (given.get('domain') ?? '').replace(/^\./, '').toLowerCase();
    if (asked !== '' && asked !== host && !host.endsWith(`.${asked}`)) return;
    const path = given.get('path') ?? '';
    const cookie: Cookie = {
      name: pair.slice(0, at).trim(),
      value: pair.slice(at + 1).trim(),
      domain: asked === '' ? host : asked,
      hostOnly: asked === '',
      path: path.startsWith('/') ? path : defaultPath(from.path),
      secure: given.has('secure'),
      expiresMs: expiry(given, nowMs),
    };
    this.#cookies = this.#cookies.filter(
      (each) => each.name !== cookie.name || each.domain !== cookie.domain || each.path !== cookie.path,
    );
    if (cookie.expiresMs > nowMs) this.#cookies.push(cookie);
    if (this.#cookies.length > MAX_COOKIES) this.#cookies.shift();
  }

  /** The value of the `Cookie` header for a request; empty when there is none to send. */
  headerFor(url: TargetUrl, nowMs: number): string {
    const host = url.origin.host.toLowerCase();
    const path = url.path.split('?')[0] ?? '/';
    return this.#cookies
      .filter(
        (each) =>
          each.expiresMs > nowMs &&
          (each.hostOnly ? host === each.domain : host === each.domain || host.endsWith(`.${each.domain}`)) &&
          (!each.secure || url.origin.tls) &&
          matches(path, each.path),
      )
      .sort((a, b) => b.path.length - a.path.length)
      .map((each) => `${each.name}=${each.value}`)
      .join('; ');
  }
}

const splitOnce = (attribute: string): [string, string] => {
  const at = attribute.indexOf('=');
  return at < 0
    ? [attribute.trim().toLowerCase(), '']
    : [attribute.slice(0, at).trim().toLowerCase(), attribute.slice(at + 1).trim()];
};

const expiry = (given: ReadonlyMap<string, string>, nowMs: number): number => {
  const age = given.get('max-age');
  if (age !== undefined && /^-?\d+$/.test(age)) return nowMs + Number(age) * 1_000;
  const date = Date.parse(given.get('expires') ?? '');
  return Number.isNaN(date) ? Number.POSITIVE_INFINITY : date;
};

const defaultPath = (requestPath: string): string => {
  const path = requestPath.split('?')[0] ?? '/';
  const last = path.lastIndexOf('/');
  return last <= 0 ? '/' : path.slice(0, last);
};

const matches = (path: string, of: string): boolean =>
  path === of || (path.startsWith(of) && (of.endsWith('/') || path[of.length] === '/'));
