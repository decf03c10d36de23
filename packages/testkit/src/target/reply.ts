/** What a route does with the connection. Bytes are written as they are; whatever ends it is said by name. */
export interface Reply {
  /** Pieces, each written by itself; an endless source is read only as fast as the peer takes it. */
  readonly write: Iterable<string | Buffer>;
  /** `keep` as the request asked; `end` closes in order; `reset` closes hard; `stall` does nothing more. */
  readonly after: 'keep' | 'end' | 'reset' | 'stall';
  /** Waits before it writes. */
  readonly delayMs?: number;
  /** Waits between pieces. */
  readonly pauseMs?: number;
  /** Status of an answer that is given whole and well-formed, so that it counts as served; null for any other. */
  readonly status: number | null;
}

const TEXTS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A well-formed answer with a length. */
export const plain = (
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  more: Partial<Reply> = {},
): Reply => {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((each) => `${name}: ${each}\r\n`),
  );
  const bodiless = status === 204 || status === 304;
  const head = `HTTP/1.1 ${status} ${TEXTS[status] ?? 'Status'}\r\n${bodiless ? '' : `Content-Length: ${bytes.length}\r\n`}${lines.join('')}\r\n`;
  return {
    write: [bodiless ? head : Buffer.concat([Buffer.from(head, 'latin1'), bytes])],
    after: 'keep',
    status,
    ...more,
  };
};

/** Bytes just as they are. With `status` they are an answer all the same. */
export const raw = (
  write: string | Iterable<string | Buffer>,
  after: Reply['after'],
  status: number | null = null,
): Reply => ({
  write: typeof write === 'string' ? [write] : write,
  after,
  status,
});
