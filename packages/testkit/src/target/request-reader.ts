/** The first line and the headers of a request. */
export interface TargetHead {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly keepAlive: boolean;
}

/** A request that was read completely. */
export interface TargetRequest extends TargetHead {
  readonly body: Buffer;
}

/** Takes requests out of the bytes of a connection, in whatever pieces they come. Bodies come with their length. */
export class RequestReader {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #head: TargetHead | null = null;
  #bodyBytes = 0;

  push(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The head of the request that is coming, as soon as that is whole; null before. */
  head(): TargetHead | null {
    if (this.#head !== null || this.#bytes === 0) return this.#head;
    const all = this.#join();
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return null;
    this.#head = parseHead(all.toString('latin1', 0, end));
    this.#bodyBytes = Number(this.#head.headers['content-length'] ?? 0);
    this.#restart(all.subarray(end + 4));
    return this.#head;
  }

  /** The next whole request; null when it is not all there yet. */
  next(): TargetRequest | null {
    const head = this.head();
    if (head === null || this.#bytes < this.#bodyBytes) return null;
    const all = this.#join();
    this.#head = null;
    this.#restart(all.subarray(this.#bodyBytes));
    return { ...head, body: Buffer.from(all.subarray(0, this.#bodyBytes)) };
  }

  #join(): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all;
  }

  #restart(rest: Buffer): void {
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
  }
}

const parseHead = (text: string): TargetHead => {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', target = '/', version = ''] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const [path = '/', query = ''] = target.split('?');
  const connection = (headers.connection ?? '').toLowerCase();
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers,
    keepAlive: version === 'HTTP/1.1' ? connection !== 'close' : connection === 'keep-alive',
  };
};
