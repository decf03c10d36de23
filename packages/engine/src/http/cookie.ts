import { isIP } from 'node:net';

/** Where a cookie came from, or where it may go. */
export interface CookiePlace {
  /** Lower case, without port. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  readonly secure: boolean;
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Only this host, not those below it. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  /** Wall-clock milliseconds; infinite for the length of the session. */
  readonly expiresMs: number;
}

/** A `Set-Cookie` taken apart, before it is judged. Names of attributes are in lower case. */
export interface CookieLine {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Name and value together; longer ones are left out (RFC 6265, section 6.1). */
const MAX_COOKIE_BYTES = 4_096;

/** RFC 6265, section 5.2; null when it has no name. */
export const parseSetCookie = (line: string): CookieLine | null => {
  const [pair = '', ...attributes] = line.split(';');
  const at = pair.indexOf('=');
  if (at < 1 || pair.length > MAX_COOKIE_BYTES) return null;
  return {
    name: pair.slice(0, at).trim(),
    value: pair.slice(at + 1).trim(),
    attributes: new Map(attributes.map(splitAttribute)),
  };
};

const splitAttribute = (attribute: string): [string, string] => {
  const at = attribute.indexOf('=');
  return at < 0
    ? [attribute.trim().toLowerCase(), '']
    : [attribute.slice(0, at).trim().toLowerCase(), attribute.slice(at + 1).trim()];
};

/** The cookie that a line makes (RFC 6265, section 5.3); null when the place may not set it. */
export const makeCookie = (line: CookieLine, from: CookiePlace, nowMs: number): Cookie | null => {
  const { attributes } = line;
  const asked = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase();
  if (line.name === '' || (asked !== '' && !maySet(asked, from.host))) return null;
  const path = attributes.get('path') ?? '';
  return {
    name: line.name,
    value: line.value,
    domain: asked === '' ? from.host : asked,
    hostOnly: asked === '' || isIP(asked) !== 0,
    path: path.startsWith('/') ? path : defaultPath(from.path),
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    expiresMs: expiry(attributes, nowMs),
  };
};

/** Without the public suffix list only names without a dot are known to be nobody's. */
const maySet = (domain: string, host: string): boolean =>
  domain === host || (domain.includes('.') && isIP(host) === 0 && host.endsWith(`.${domain}`));

const expiry = (attributes: ReadonlyMap<string, string>, nowMs: number): number => {
  const age = attributes.get('max-age');
  if (age !== undefined && /^-?\d+$/.test(age)) return nowMs + Number(age) * 1_000;
  const date = Date.parse((attributes.get('expires') ?? '').replace(/-/g, ' '));
  return Number.isNaN(date) ? Number.POSITIVE_INFINITY : date;
};

/** RFC 6265, section 5.1.4. */
const defaultPath = (path: string): string => {
  const last = path.lastIndexOf('/');
  return last <= 0 ? '/' : path.slice(0, last);
};

/** Whether a request to this place carries the cookie. */
export const goesTo = (cookie: Cookie, place: CookiePlace, nowMs: number): boolean =>
  cookie.expiresMs > nowMs &&
  (place.host === cookie.domain || (!cookie.hostOnly && place.host.endsWith(`.${cookie.domain}`))) &&
  (!cookie.secure || place.secure) &&
  isBelow(place.path, cookie.path);

const isBelow = (path: string, of: string): boolean =>
  path === of || (path.startsWith(of) && (of.endsWith('/') || path[of.length] === '/'));
