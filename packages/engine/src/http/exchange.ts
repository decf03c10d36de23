import type { Body } from './body-buffer.js';
import type { ErrorCause } from './error-codes.js';
import type { ResponseHead } from './response-head.js';

/** A request as bytes, and how its answer is to be read. Never changed once made, so that equal ones can share it. */
export interface Outgoing {
  /** Request line and headers, ending in the empty line; latin1. */
  readonly head: string;
  readonly body: Uint8Array | null;
  readonly isHead: boolean;
  /** False: the body of the answer is thrown away as it comes, but counted. */
  readonly keepBody: boolean;
  /** The connection is not used again. */
  readonly close: boolean;
  /** For the whole exchange, lookup and connecting included. */
  readonly timeoutMs: number;
}

/** How an exchange went. Instants are milliseconds of `performance.now()`, durations integer microseconds (k6's terms). */
export interface Exchange {
  readonly startedMs: number;
  readonly endedMs: number;
  /** Waiting for a connection, its making included; 0 on one that was open. */
  readonly blockedUs: number;
  /** The part of `blockedUs` that the lookup of the name took; 0 when it was known. */
  readonly dnsUs: number;
  readonly connectingUs: number;
  readonly tlsUs: number;
  readonly sendingUs: number;
  /** From the last byte sent to the first received; to the end when none came. */
  readonly waitingUs: number;
  readonly receivingUs: number;
  /** sending + waiting + receiving (k6's `http_req_duration`). */
  readonly durationUs: number;
  /** Head and body as written to the connection. */
  readonly bytesSent: number;
  /** Head, framing and body as they came, before any decoding. */
  readonly bytesReceived: number;
  /** The last byte of the request was handed to the kernel. Also true for an answer that came before that. */
  readonly sent: boolean;
  /** The whole answer came, well-formed. */
  readonly answered: boolean;
  /** The connection had served an exchange before. */
  readonly reused: boolean;
  /** Null when the answer is whole. */
  readonly cause: ErrorCause | null;
  /** What the system said beside the cause. */
  readonly detail: string;
  /** 0 without an answer. */
  readonly status: number;
  /** `HTTP/1.x`. */
  readonly minor: number;
  readonly head: ResponseHead | null;
  readonly body: Body | null;
  readonly remoteIp: string;
  readonly remotePort: number;
}

/** Who waits for the end of an exchange: called once, with an answer or with a cause. */
export interface ExchangeSink {
  ended(exchange: Exchange): void;
}

/** An exchange while it is filled in. A class, since an object of so many fields is made much faster by a constructor. */
export class EndedExchange implements Exchange {
  startedMs = 0;
  endedMs = 0;
  blockedUs = 0;
  dnsUs = 0;
  connectingUs = 0;
  tlsUs = 0;
  sendingUs = 0;
  waitingUs = 0;
  receivingUs = 0;
  durationUs = 0;
  bytesSent = 0;
  bytesReceived = 0;
  sent = false;
  answered = false;
  reused = false;
  cause: ErrorCause | null = null;
  detail = '';
  status = 0;
  minor = 1;
  head: ResponseHead | null = null;
  body: Body | null = null;
  remoteIp = '';
  remotePort = 0;

  constructor(startedMs: number, endedMs: number) {
    this.startedMs = startedMs;
    this.endedMs = endedMs;
  }
}

/** An exchange that failed before it had a connection. */
export const unsentExchange = (cause: ErrorCause, detail: string): Exchange => {
  const nowMs = performance.now();
  const exchange = new EndedExchange(nowMs, nowMs);
  exchange.cause = cause;
  exchange.detail = detail;
  return exchange;
};
