import type { Params } from '@muster/script';
import type { CookieJar } from './cookie-jar.js';
import type { Outgoing } from './exchange.js';
import type { TypedBody } from './form.js';
import { compress } from './request-body.js';
import type { TargetUrl } from './target-url.js';

/** A request before it is bytes. */
export interface Draft {
  readonly method: string;
  readonly url: TargetUrl;
  readonly body: TypedBody | null;
  readonly params: Params;
  readonly jar: CookieJar;
}

/** What all requests of a test have in common. */
export interface OutgoingDefaults {
  readonly userAgent: string;
  readonly keepBody: boolean;
  /** Each request on a connection of its own. */
  readonly close: boolean;
  /** Reads `'5s'`; null when it is no duration. */
  readonly parseDuration: (given: unknown) => number | null;
}

export const DEFAULT_TIMEOUT_MS = 60_000;

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a value must not hold (RFC 9110, section 5.5): it would begin a line of its own. */
const BAD_VALUE = /[\r\n\0]/;
/** Methods that announce a body even when it is empty (RFC 9110, section 8.6). */
const EXPECTS_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** The head of a GET that has nothing special about it. */
export const plainGet = (url: TargetUrl, defaults: OutgoingDefaults): Outgoing => {
  const auth = url.authorization === null ? '' : `Authorization: ${url.authorization}\r\n`;
  return {
    head: `GET ${url.path} HTTP/1.1\r\nHost: ${url.hostHeader}\r\nUser-Agent: ${defaults.userAgent}\r\n${auth}\r\n`,
    body: null,
    isHead: false,
    keepBody: defaults.keepBody,
    close: false,
    timeoutMs: DEFAULT_TIMEOUT_MS,
  };
};

/** The request as bytes, or a sentence that says why it can not be written. */
export const makeOutgoing = (draft: Draft, defaults: OutgoingDefaults): Outgoing | string => {
  const { method, url, params } = draft;
  if (!METHOD.test(method)) return `${JSON.stringify(method)} is not a method`;
  if (params.auth !== undefined && params.auth !== 'basic')
    return `auth ${JSON.stringify(params.auth)} is not supported`;
  const timeoutMs = params.timeout === undefined ? DEFAULT_TIMEOUT_MS : defaults.parseDuration(params.timeout);
  if (timeoutMs === null) return `timeout ${JSON.stringify(params.timeout)} is not milliseconds or a duration`;
  const given = readHeaders(params.headers ?? {});
  if (typeof given === 'string') return given;
  let bytes = draft.body?.bytes ?? null;
  if (bytes !== null && params.compression) {
    bytes = compress(bytes, params.compression);
    if (bytes === null) return `compression ${JSON.stringify(params.compression)} is not gzip, deflate or br`;
  }
  let head = `${method} ${url.path} HTTP/1.1\r\n`;
  const add = (name: string, value: string | null): void => {
    if (value !== null && !given.names.has(name.toLowerCase())) head += `${name}: ${value}\r\n`;
  };
  add('Host', url.hostHeader);
  add('User-Agent', defaults.userAgent);
  add('Authorization', url.authorization);
  add('Content-Type', draft.body?.type ?? null);
  add('Content-Encoding', bytes !== null && params.compression ? params.compression : null);
  const cookies = cookieHeader(draft);
  if (BAD_VALUE.test(cookies)) return 'a cookie holds a line break';
  add('Cookie', cookies === '' ? null : cookies);
  if (defaults.close) add('Connection', 'close');
  if (bytes !== null || EXPECTS_BODY.has(method)) head += `Content-Length: ${bytes?.byteLength ?? 0}\r\n`;
  const type = params.responseType;
  return {
    head: `${head}${given.lines}\r\n`,
    body: bytes !== null && bytes.byteLength > 0 ? bytes : null,
    isHead: method === 'HEAD',
    keepBody: type === undefined ? defaults.keepBody : type !== 'none',
    close: defaults.close || given.close,
    timeoutMs,
  };
};

interface GivenHeaders {
  readonly names: ReadonlySet<string>;
  readonly lines: string;
  readonly close: boolean;
}
const NONE: GivenHeaders = { names: new Set(), lines: '', close: false };

/** The author's headers as lines; `Content-Length` is left to us. */
const readHeaders = (headers: Readonly<Record<string, unknown>>): GivenHeaders | string => {
  const keys = Object.keys(headers);
  if (keys.length === 0) return NONE;
  const names = new Set<string>();
  let lines = '';
  let close = false;
  for (const key of keys) {
    const value = headers[key];
    if (value === undefined || value === null) continue;
    const text = latin1Of(String(value));
    const name = key.toLowerCase();
    if (!HEADER_NAME.test(key) || BAD_VALUE.test(text)) return `header ${JSON.stringify(key)} is malformed`;
    if (name === 'transfer-encoding') return 'Transfer-Encoding can not be set: bodies are sent with their length';
    if (name === 'content-length') continue;
    if (name === 'connection' && /\bclose\b/i.test(text)) close = true;
    names.add(name);
    lines += `${key}: ${text}\r\n`;
  }
  return { names, lines, close };
};

/** Heads are written as latin1; what is beyond it goes as the bytes of UTF-8, as other clients send it. */
const latin1Of = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');

/** The request's own cookies, then those of the jar that they do not replace (k6's order). */
const cookieHeader = ({ url, params, jar }: Draft): string => {
  const own = params.cookies === undefined ? [] : Object.entries(params.cookies);
  if (jar.empty && own.length === 0) return '';
  const replaced = new Set<string>();
  const pairs = own.map(([name, cookie]) => {
    if (typeof cookie !== 'string' && cookie.replace === true) replaced.add(name);
    return `${name}=${typeof cookie === 'string' ? cookie : cookie.value}`;
  });
  for (const { name, value } of jar.empty ? [] : jar.matching(url.cookiePlace, Date.now()))
    if (!replaced.has(name)) pairs.push(`${name}=${value}`);
  return latin1Of(pairs.join('; '));
};
