import type { ErrorCause } from './error-codes.js';

/** A request as bytes, and how its answer is to be read. */
export interface Outgoing {
  /** Request line and headers, ending in the empty line; latin1. */
  readonly head: string;
  readonly body: Uint8Array | string | null;
  readonly isHead: boolean;
  /** False: the body of the answer is thrown away as it comes, but counted. */
  readonly keepBody: boolean;
  /** For the whole exchange, connecting included. */
  readonly timeoutMs: number;
}

/** How an exchange went. Instants are milliseconds of `performance.now()`, durations integer microseconds. */
export interface Exchange {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly blockedUs: number;
  readonly connectingUs: number;
  readonly tlsUs: number;
  readonly sendingUs: number;
  readonly waitingUs: number;
  readonly receivingUs: number;
  /** sending + waiting + receiving (k6's `http_req_duration`). */
  readonly durationUs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** The last byte of the request was handed to the kernel. */
  readonly sent: boolean;
  /** The whole answer came. */
  readonly answered: boolean;
  /** Null when the answer is whole. */
  readonly cause: ErrorCause | null;
  /** What the system said beside the cause. */
  readonly detail: string;
  readonly status: number;
  readonly minor: number;
  readonly head: string;
  readonly body: Buffer | null;
  readonly encoded: boolean;
  readonly hasCookies: boolean;
  readonly remoteIp: string;
  readonly remotePort: number;
}
