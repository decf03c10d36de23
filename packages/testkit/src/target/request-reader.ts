/** A request that was read completely. */
export interface TargetRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly keepAlive: boolean;
}

/** Takes requests out of the bytes of a connection, in whatever pieces they come. */
export class RequestReader {
  #buffer: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
  }

  /** The next whole request; null when it is not all there yet. */
  next(): TargetRequest | null {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first = '', ...lines] = this.#buffer.toString('latin1', 0, end).split('\r\n');
    const [method = '', target = '/', version = ''] = first.split(' ');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const length = Number(headers['content-length'] ?? 0);
    if (this.#buffer.length < end + 4 + length) return null;
    const body = Buffer.from(this.#buffer.subarray(end + 4, end + 4 + length));
    this.#buffer = this.#buffer.subarray(end + 4 + length);
    const [path = '/', query = ''] = target.split('?');
    const connection = (headers.connection ?? '').toLowerCase();
    return {
      method,
      path,
      query: new URLSearchParams(query),
      headers,
      body,
      keepAlive: version === 'HTTP/1.1' ? connection !== 'close' : connection === 'keep-alive',
    };
  }
}
