/** A cause of a failed exchange: k6's number where k6 has one, ours from 1800 on, and a name that says the same. */
export interface ErrorCause {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

const cause = (number: number, name: string, text: string): ErrorCause => ({ number, name, text });

/**
 * Every cause, once. Numbers and names are never reused: people's thresholds and dashboards hold them. k6 uses 1000 to
 * 1799 (1600 to 1699 for HTTP/2), statuses of 400 and above included; what k6 has no number for is at 1800 and above.
 */
export const CAUSES = {
  other: cause(1000, 'HTTP_ERROR', 'the exchange failed'),
  network: cause(1010, 'NETWORK_ERROR', 'the network failed'),
  invalidUrl: cause(1020, 'INVALID_URL', 'the URL is not valid'),
  timeout: cause(1050, 'REQUEST_TIMEOUT', 'no whole answer in time'),
  dns: cause(1100, 'DNS_ERROR', 'the host name could not be looked up'),
  noSuchHost: cause(1101, 'ENOTFOUND', 'the host name is not known'),
  tcp: cause(1200, 'TCP_ERROR', 'the connection failed'),
  brokenPipe: cause(1201, 'EPIPE', 'the connection broke while sending'),
  dial: cause(1210, 'DIAL_ERROR', 'no connection could be made'),
  dialTimeout: cause(1211, 'DIAL_TIMEOUT', 'no connection in time'),
  refused: cause(1212, 'ECONNREFUSED', 'connection refused'),
  unreachable: cause(1213, 'DIAL_UNREACHABLE', 'there is no way to the address'),
  reset: cause(1220, 'ECONNRESET', 'connection reset by the peer'),
  tls: cause(1300, 'TLS_ERROR', 'the TLS handshake failed'),
  tlsUnknownAuthority: cause(1310, 'TLS_UNKNOWN_AUTHORITY', 'the certificate is signed by nobody who is trusted'),
  tlsWrongHost: cause(1311, 'TLS_WRONG_HOST', 'the certificate is for another host'),
  badEncoding: cause(1701, 'HTTP_BAD_ENCODING', 'the body does not decode as its content-encoding says'),
  closedUnanswered: cause(1801, 'HTTP_CLOSED_UNANSWERED', 'the peer closed the connection without an answer'),
  truncated: cause(1802, 'HTTP_TRUNCATED', 'the peer closed the connection in the middle of an answer'),
  badStatusLine: cause(1810, 'HTTP_BAD_STATUS_LINE', 'the answer does not begin with a status line'),
  badHeader: cause(1811, 'HTTP_BAD_HEADER', 'a header of the answer is malformed'),
  headersTooLarge: cause(1812, 'HTTP_HEADERS_TOO_LARGE', 'the headers of the answer are over 64 KiB'),
  badChunk: cause(1813, 'HTTP_BAD_CHUNK', 'a chunk of the answer is malformed'),
  badLength: cause(1814, 'HTTP_BAD_LENGTH', 'the lengths that the answer names are malformed or contradict each other'),
  bodyTooLarge: cause(1815, 'HTTP_BODY_TOO_LARGE', 'the body is over 64 MiB and was to be kept'),
  unexpectedUpgrade: cause(1816, 'HTTP_UNEXPECTED_UPGRADE', 'the answer changes to a protocol that nobody asked for'),
  tooManyRedirects: cause(1820, 'HTTP_TOO_MANY_REDIRECTS', 'more redirects than allowed'),
  invalidRequest: cause(1821, 'INVALID_REQUEST', 'the request can not be written as HTTP'),
  tlsCertificateInvalid: cause(1830, 'TLS_CERTIFICATE_INVALID', 'the certificate is not valid now, or is malformed'),
  wsRefused: cause(1840, 'WS_REFUSED', 'the server answered the handshake, but not with 101'),
  wsBadHandshake: cause(1841, 'WS_BAD_HANDSHAKE', 'the answer is no handshake of a WebSocket'),
  wsBadFrame: cause(1842, 'WS_BAD_FRAME', 'a frame breaks the protocol'),
  wsMessageTooLarge: cause(1843, 'WS_MESSAGE_TOO_LARGE', 'a message is over 64 MiB'),
  wsBroken: cause(1844, 'WS_BROKEN', 'the connection ended without a close frame'),
  interrupted: cause(1890, 'INTERRUPTED', 'the iteration was cut off by the end of its scenario'),
} as const satisfies Readonly<Record<string, ErrorCause>>;

/** k6's number for a status of 400 and above: 1000 more than the status. */
export const statusErrorCode = (status: number): number => (status >= 400 && status < 600 ? 1_000 + status : 0);

/** How far a connection had come when it failed. */
export type Stage = 'resolving' | 'dialing' | 'handshaking' | 'open';

const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
]);
const BY_CODE: Readonly<Record<string, ErrorCause>> = {
  ECONNREFUSED: CAUSES.refused,
  ECONNRESET: CAUSES.reset,
  EPIPE: CAUSES.brokenPipe,
  ENOTFOUND: CAUSES.noSuchHost,
  ENODATA: CAUSES.noSuchHost,
  EAI_NODATA: CAUSES.noSuchHost,
  EHOSTUNREACH: CAUSES.unreachable,
  ENETUNREACH: CAUSES.unreachable,
  EADDRNOTAVAIL: CAUSES.dial,
  ERR_TLS_CERT_ALTNAME_INVALID: CAUSES.tlsWrongHost,
};
const BY_STAGE: Readonly<Record<Stage, ErrorCause>> = {
  resolving: CAUSES.dns,
  dialing: CAUSES.dial,
  handshaking: CAUSES.tls,
  open: CAUSES.tcp,
};

/** The cause behind an error of a socket, a lookup or a handshake. */
export const causeOf = (error: NodeJS.ErrnoException, stage: Stage): ErrorCause => {
  const code = error.code ?? '';
  // Node reports a handshake that the peer closes in order as a reset, but without the system call of a real one.
  if (stage === 'handshaking' && code === 'ECONNRESET' && error.syscall === undefined) return CAUSES.tls;
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (code === 'ETIMEDOUT') return stage === 'open' ? CAUSES.timeout : CAUSES.dialTimeout;
  if (UNKNOWN_AUTHORITY.has(code)) return CAUSES.tlsUnknownAuthority;
  if (code.startsWith('CERT_')) return CAUSES.tlsCertificateInvalid;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) return CAUSES.tls;
  return BY_STAGE[stage];
};

/** The cause of an exchange that ran out of time. */
export const timeoutCause = (stage: Stage): ErrorCause =>
  stage === 'resolving' ? CAUSES.dns : stage === 'dialing' ? CAUSES.dialTimeout : CAUSES.timeout;
