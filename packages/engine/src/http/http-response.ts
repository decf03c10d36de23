import type { Params, Response, ResponseCookie, Timings } from '@muster/script';
import { parseSetCookie } from './cookie.js';
import { statusErrorCode } from './error-codes.js';
import type { Exchange, Outgoing } from './exchange.js';
import { canonicalName, type ResponseFields } from './response-head.js';

/** The request behind an answer. */
export interface Asked {
  readonly method: string;
  readonly url: { readonly href: string };
  readonly params: Params;
}

const NO_FIELDS: ResponseFields = { headers: {}, cookies: [] };

/** An answer as tests see it. Headers, cookies and the body are made only when they are asked for. */
export class HttpResponse implements Response {
  readonly #exchange: Exchange;
  readonly #asked: Asked;
  readonly #out: Outgoing | null;
  #body: string | Uint8Array | null | undefined;
  #json: unknown;

  /** @param out null when the request could not be written */
  constructor(exchange: Exchange, asked: Asked, out: Outgoing | null) {
    this.#exchange = exchange;
    this.#asked = asked;
    this.#out = out;
  }

  get url(): string {
    return this.#asked.url.href;
  }
  get status(): number {
    return this.#exchange.status;
  }
  get status_text(): string {
    return this.#exchange.head?.reason ?? '';
  }
  get proto(): string {
    return this.#exchange.answered ? `HTTP/1.${this.#exchange.minor}` : '';
  }
  get headers(): Readonly<Record<string, string>> {
    return this.#fields().headers;
  }
  get cookies(): Readonly<Record<string, readonly ResponseCookie[]>> {
    const found: Record<string, ResponseCookie[]> = {};
    for (const cookie of this.#fields().cookies.flatMap(cookieOf)) {
      found[cookie.name] ??= [];
      found[cookie.name]?.push(cookie);
    }
    return found;
  }
  get body(): string | Uint8Array | null {
    if (this.#body === undefined) this.#body = this.#decode();
    return this.#body;
  }
  get timings(): Timings {
    const it = this.#exchange;
    return {
      blocked: it.blockedUs / 1_000,
      connecting: it.connectingUs / 1_000,
      tls_handshaking: it.tlsUs / 1_000,
      sending: it.sendingUs / 1_000,
      waiting: it.waitingUs / 1_000,
      receiving: it.receivingUs / 1_000,
      duration: it.durationUs / 1_000,
    };
  }
  get error(): string {
    const { cause, detail } = this.#exchange;
    return cause === null ? '' : detail === '' ? cause.text : `${cause.text}: ${detail}`;
  }
  get error_code(): number {
    return this.#exchange.cause?.number ?? statusErrorCode(this.#exchange.status);
  }
  get remote_ip(): string {
    return this.#exchange.remoteIp;
  }
  get remote_port(): number {
    return this.#exchange.remotePort;
  }
  get request(): Response['request'] {
    const { method, url } = this.#asked;
    const out = this.#out;
    return { method, url: url.href, headers: out === null ? {} : sentHeaders(out.head) };
  }

  json(path?: string): unknown {
    if (this.#json === undefined) this.#json = this.#parse();
    if (path === undefined || path === '') return this.#json;
    let value = this.#json;
    for (const part of path.split(/(?<!\\)\./)) {
      const name = part.replace(/\\\./g, '.');
      const inside = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
      value = inside ? (value as Record<string, unknown>)[name] : undefined;
    }
    return value;
  }

  #parse(): unknown {
    const { body } = this;
    if (body === null) throw new Error(`the answer of ${this.url} has no body to read as JSON`);
    const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new Error(`the answer of ${this.url} is not JSON: ${(cause as Error).message}`, { cause });
    }
  }

  #fields(): ResponseFields {
    return this.#exchange.head?.fields ?? NO_FIELDS;
  }

  #decode(): string | Uint8Array | null {
    const { body } = this.#exchange;
    if (body === null) return null;
    const { bytes } = body;
    return this.#asked.params.responseType === 'binary' ? new Uint8Array(bytes) : bytes.toString('utf8');
  }
}

const cookieOf = (line: string): ResponseCookie[] => {
  const parsed = parseSetCookie(line);
  if (parsed === null) return [];
  const { name, value, attributes } = parsed;
  return [
    {
      name,
      value,
      domain: attributes.get('domain') ?? '',
      path: attributes.get('path') ?? '',
      expires: attributes.get('expires') ?? '',
      max_age: Number(attributes.get('max-age') ?? 0) || 0,
      secure: attributes.has('secure'),
      http_only: attributes.has('httponly'),
    },
  ];
};

const sentHeaders = (head: string): Record<string, string> =>
  Object.fromEntries(
    head
      .split('\r\n')
      .slice(1, -2)
      .map((line) => [canonicalName(line.slice(0, line.indexOf(':'))), line.slice(line.indexOf(':') + 2)]),
  );
