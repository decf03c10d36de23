import type { CookiePlace } from './cookie.js';
import type { Outgoing } from './exchange.js';
import { HeadMemo } from './head-memo.js';
import { type HostsMap, makeOrigin, type Origin } from './origin.js';

/** A URL taken apart once and kept: what a request to it needs again and again. */
export class TargetUrl {
  /** As it was given, but for credentials: what metrics and tests see. */
  readonly href: string;
  readonly origin: Origin;
  /** Path and query as sent. */
  readonly path: string;
  readonly hostHeader: string;
  /** From credentials in the URL. */
  readonly authorization: string | null;
  readonly memo = new HeadMemo();
  readonly cookiePlace: CookiePlace;
  /** A GET without anything special, once made. */
  plainGet: Outgoing | null = null;

  constructor(href: string, origin: Origin, path: string, hostHeader: string, authorization: string | null) {
    this.href = href;
    this.origin = origin;
    this.path = path;
    this.hostHeader = hostHeader;
    this.authorization = authorization;
    this.cookiePlace = { host: origin.host.toLowerCase(), path: path.split('?', 1)[0] ?? '/', secure: origin.tls };
  }
}

/** Entries kept; beyond it the table starts afresh (URLs that differ each time would fill any table). */
const MAX_ENTRIES = 10_000;

/** An origin, then a path and a query of characters that stand for themselves, without `.` segments or a fragment. */
const SIMPLE = /^(https?:\/\/[a-z0-9.-]+(?::\d{1,5})?)(\/[\w\-~!$&'()*+,;=:@%./]*(?:\?[\w\-~!$&()*+,;=:@%./?]*)?)$/;
const DOT_SEGMENT = /\/\.|%2e/i;

/** Parses URLs, each text once. */
export class TargetUrls {
  readonly userAgent: string;
  readonly #hosts: HostsMap;
  readonly #known = new Map<string, TargetUrl | null>();
  readonly #origins = new Map<string, Origin>();
  /** Origins by how they were written. */
  readonly #written = new Map<string, Origin>();
  #lastHref = '';
  #last: TargetUrl | null = null;

  constructor(hosts: HostsMap, userAgent: string) {
    this.#hosts = hosts;
    this.userAgent = userAgent.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ');
  }

  /** The parts of a URL; null when it is none, or neither http nor https. */
  get(href: string): TargetUrl | null {
    if (href === this.#lastHref) return this.#last;
    let found = this.#known.get(href);
    if (found === undefined) {
      found = this.#parse(href);
      if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
      this.#known.set(href, found);
    }
    this.#lastHref = href;
    this.#last = found;
    return found;
  }

  #parse(href: string): TargetUrl | null {
    const [, written, path] = SIMPLE.exec(href) ?? [];
    const origin = written === undefined ? undefined : this.#written.get(written);
    if (origin !== undefined && path !== undefined && !DOT_SEGMENT.test(path))
      return new TargetUrl(href, origin, path, origin.key.slice(origin.tls ? 8 : 7), null);
    if (!URL.canParse(href)) return null;
    const url = new URL(href);
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return null;
    const made = this.#originOf(url);
    if (written !== undefined) this.#written.set(written, made);
    const secret = url.username !== '' || url.password !== '';
    const shown = secret ? `${url.protocol}//****:****@${url.host}${url.pathname}${url.search}` : href;
    return new TargetUrl(shown, made, `${url.pathname}${url.search}`, url.host, secret ? basic(url) : null);
  }

  #originOf(url: URL): Origin {
    const key = `${url.protocol}//${url.host}`;
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      const tls = url.protocol === 'https:';
      const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
      origin = makeOrigin(key, url.hostname.replace(/^\[|\]$/g, ''), port, tls, this.#hosts);
      if (this.#origins.size >= MAX_ENTRIES) this.#forgetOrigins();
      this.#origins.set(key, origin);
    }
    return origin;
  }

  /** All at once, so that an origin never has two objects among the URLs that are still known. */
  #forgetOrigins(): void {
    this.#origins.clear();
    this.#written.clear();
    this.#known.clear();
  }
}

/** RFC 7617. */
const basic = (url: URL): string =>
  `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
