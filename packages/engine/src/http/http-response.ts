import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Response, Timings } from '@muster/script';
import { statusErrorCode } from './error-codes.js';
import type { Exchange } from './exchange.js';
import { parseFields } from './response-parser.js';

/** A decoded body may be so large; a small one can claim to be anything. */
const MAX_DECODED_BYTES = 64 * 1_024 * 1_024;

/** An answer as tests see it. Headers, cookies and the body are made only when they are asked for. */
export class HttpResponse implements Response {
  readonly url: string;
  readonly request: Response['request'];
  readonly #exchange: Exchange;
  readonly #binary: boolean;
  #fields: ReturnType<typeof parseFields> | undefined;
  #body: string | Uint8Array | null | undefined;

  constructor(url: string, exchange: Exchange, request: Response['request'], binary: boolean) {
    this.url = url;
    this.#exchange = exchange;
    this.request = request;
    this.#binary = binary;
  }

  get status(): number {
    return this.#exchange.status;
  }
  get status_text(): string {
    const line = this.#exchange.head.split('\r\n', 1)[0] ?? '';
    return line.slice(9);
  }
  get proto(): string {
    return this.#exchange.answered ? `HTTP/1.${this.#exchange.minor}` : '';
  }
  get headers(): Readonly<Record<string, string>> {
    return this.#parsed().headers;
  }
  get cookies(): Readonly<Record<string, string>> {
    const pairs = this.#parsed().cookies.map(
      (line) => (line.split(';', 1)[0] ?? '').split(/=(.*)/s, 2) as [string, string],
    );
    return Object.fromEntries(pairs.map(([name, value]) => [name.trim(), value ?? '']));
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

  json(path?: string): unknown {
    const body = this.body;
    if (body === null) throw new Error(`the answer of ${this.url} has no body to read as JSON`);
    const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new Error(`the answer of ${this.url} is not JSON: ${(cause as Error).message}`, { cause });
    }
    if (path === undefined) return value;
    for (const part of path.split('.')) {
      value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
    }
    return value;
  }

  #parsed(): ReturnType<typeof parseFields> {
    this.#fields ??= parseFields(this.#exchange.head);
    return this.#fields;
  }

  #decode(): string | Uint8Array | null {
    const { body } = this.#exchange;
    if (body === null) return null;
    const plain = this.#exchange.encoded ? decode(body, this.headers['Content-Encoding'] ?? '') : body;
    return this.#binary ? new Uint8Array(plain) : plain.toString('utf8');
  }
}

/** Takes the encodings off in the order in which they were put on, last first. */
const decode = (body: Buffer, encodings: string): Buffer => {
  const options = { maxOutputLength: MAX_DECODED_BYTES };
  let plain = body;
  for (const encoding of encodings
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .reverse()) {
    if (encoding === 'gzip' || encoding === 'x-gzip') plain = gunzipSync(plain, options);
    else if (encoding === 'br') plain = brotliDecompressSync(plain, options);
    // RFC 9110, section 8.4.1.2: deflate is zlib, but some servers send it bare.
    else if (encoding === 'deflate')
      plain = ((plain[0] ?? 0) & 0x0f) === 8 ? inflateSync(plain, options) : inflateRawSync(plain, options);
  }
  return plain;
};
