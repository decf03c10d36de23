import type { Origin } from './connection.js';

/** A URL taken apart once and kept: what a request to it needs again and again. */
export interface TargetUrl {
  readonly href: string;
  readonly origin: Origin;
  /** Path and query as sent. */
  readonly path: string;
  readonly hostHeader: string;
  readonly authorization: string | null;
  /** Head of a plain GET without anything special: the hot path sends it as it is. */
  readonly plainGet: string;
}

/** Entries kept; beyond it the table starts afresh (URLs that differ each time would fill any table). */
const MAX_ENTRIES = 10_000;

/** Parses URLs, each text once. */
export class TargetUrls {
  readonly #known = new Map<string, TargetUrl | null>();
  readonly #hosts: Readonly<Record<string, string>>;
  readonly #commonHeaders: string;

  constructor(hosts: Readonly<Record<string, string>>, userAgent: string) {
    this.#hosts = hosts;
    this.#commonHeaders = `User-Agent: ${userAgent.replace(/[\r\n]/g, ' ')}\r\n`;
  }

  /** Header lines that every request has beside `Host`. */
  get commonHeaders(): string {
    return this.#commonHeaders;
  }

  /** The parts of a URL; null when it is none, or neither http nor https. */
  get(href: string): TargetUrl | null {
    const known = this.#known.get(href);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    const parsed = this.#parse(href);
    this.#known.set(href, parsed);
    return parsed;
  }

  #parse(href: string): TargetUrl | null {
    if (!URL.canParse(href)) return null;
    const url = new URL(href);
    const tls = url.protocol === 'https:';
    if ((!tls && url.protocol !== 'http:') || url.hostname === '') return null;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
    const mapped = this.#hosts[`${url.hostname}:${port}`] ?? this.#hosts[url.hostname] ?? host;
    const path = `${url.pathname}${url.search}`;
    const user = url.username === '' ? null : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const authorization = user === null ? null : `Basic ${Buffer.from(user).toString('base64')}`;
    const origin = { key: `${url.protocol}//${url.host}`, host, port, tls, address: mapped };
    return {
      href,
      origin,
      path,
      hostHeader: url.host,
      authorization,
      plainGet: `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${this.#commonHeaders}${authorization === null ? '' : `Authorization: ${authorization}\r\n`}\r\n`,
    };
  }
}
