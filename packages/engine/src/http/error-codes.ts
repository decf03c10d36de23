/** A cause of a failed exchange: k6's number where k6 has one, ours from 1600 on, and a name that says the same. */
export interface ErrorCause {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

const cause = (number: number, name: string, text: string): ErrorCause => ({ number, name, text });

/** Every cause, once. Numbers and names are never reused: people's thresholds and dashboards hold them. */
export const CAUSES = {
  other: cause(1000, 'HTTP_ERROR', 'the exchange failed'),
  invalidUrl: cause(1020, 'INVALID_URL', 'the URL is not valid'),
  timeout: cause(1050, 'REQUEST_TIMEOUT', 'no whole answer in time'),
  noSuchHost: cause(1101, 'ENOTFOUND', 'the host name is not known'),
  brokenPipe: cause(1201, 'EPIPE', 'the connection broke while sending'),
  dial: cause(1210, 'DIAL_ERROR', 'no connection could be made'),
  dialTimeout: cause(1211, 'DIAL_TIMEOUT', 'no connection in time'),
  refused: cause(1212, 'ECONNREFUSED', 'connection refused'),
  reset: cause(1220, 'ECONNRESET', 'connection reset by the peer'),
  tls: cause(1300, 'TLS_ERROR', 'the TLS handshake failed'),
  tlsUnknownAuthority: cause(1310, 'TLS_UNKNOWN_AUTHORITY', 'the certificate is signed by nobody who is trusted'),
  tlsWrongHost: cause(1311, 'TLS_WRONG_HOST', 'the certificate is for another host'),
  closedUnanswered: cause(1601, 'HTTP_CLOSED_UNANSWERED', 'the peer closed the connection without an answer'),
  truncated: cause(1602, 'HTTP_TRUNCATED', 'the peer closed the connection in the middle of an answer'),
  badStatusLine: cause(1610, 'HTTP_BAD_STATUS_LINE', 'the answer does not begin with a status line'),
  badHeader: cause(1611, 'HTTP_BAD_HEADER', 'a header of the answer is malformed'),
  headersTooLarge: cause(1612, 'HTTP_HEADERS_TOO_LARGE', 'the headers of the answer are over 64 KiB'),
  badChunk: cause(1613, 'HTTP_BAD_CHUNK', 'a chunk of the answer is malformed'),
  badLength: cause(1614, 'HTTP_BAD_LENGTH', 'the lengths that the answer names contradict each other'),
  garbage: cause(1615, 'HTTP_GARBAGE', 'bytes came that no request asked for'),
  bodyTooLarge: cause(1616, 'HTTP_BODY_TOO_LARGE', 'the body is over 64 MiB'),
  badEncoding: cause(1617, 'HTTP_BAD_ENCODING', 'the body does not decode as its content-encoding says'),
  tooManyRedirects: cause(1618, 'HTTP_TOO_MANY_REDIRECTS', 'more redirects than allowed'),
  interrupted: cause(1690, 'INTERRUPTED', 'the iteration was cut off by the end of its scenario'),
} as const satisfies Readonly<Record<string, ErrorCause>>;

/** k6's number for a status of 400 and above: 1000 more than the status. */
export const statusErrorCode = (status: number): number => (status >= 400 && status < 600 ? 1_000 + status : 0);

const TLS_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
]);

/** The cause of what a socket threw. `connected` tells a dial from what came after. */
export const causeOf = (error: NodeJS.ErrnoException, connected: boolean): ErrorCause => {
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') return CAUSES.refused;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return CAUSES.noSuchHost;
  if (code === 'ECONNRESET') return CAUSES.reset;
  if (code === 'EPIPE') return CAUSES.brokenPipe;
  if (code === 'ETIMEDOUT') return connected ? CAUSES.timeout : CAUSES.dialTimeout;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return CAUSES.tlsWrongHost;
  if (TLS_AUTHORITY.has(code)) return CAUSES.tlsUnknownAuthority;
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('CERT_')) return CAUSES.tls;
  return connected ? CAUSES.other : CAUSES.dial;
};
