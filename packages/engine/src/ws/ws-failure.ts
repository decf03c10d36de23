import type { WsError } from '@muster/script';
import { CAUSES, causeOf, type ErrorCause, type Stage } from '../http/error-codes.js';

/** Why a socket did not open, or broke. */
export interface WsFailure {
  readonly cause: ErrorCause;
  readonly detail: string;
  /** Status of the answer to the handshake; 0 where none came. */
  readonly status: number;
  /** The connection failed before anybody answered: another try may go better. */
  readonly again: boolean;
}

export const failureText = ({ cause, detail }: WsFailure): string =>
  detail === '' ? cause.text : `${cause.text}: ${detail}`;

/** As tests catch it. */
export class SocketError extends Error implements WsError {
  override readonly name = 'WsError';
  readonly error_code: number;
  readonly status: number;

  constructor(failure: WsFailure, url: string) {
    super(`[${failure.cause.name}] ${url}: ${failureText(failure)}`);
    this.error_code = failure.cause.number;
    this.status = failure.status;
  }
}

/** A lookup, a connection or a TLS handshake that failed. */
export const dialFailure = (error: NodeJS.ErrnoException, stage: Stage): WsFailure => ({
  cause: causeOf(error, stage),
  detail: error.message,
  status: 0,
  again: true,
});

/** What the library says of a handshake that did not succeed. */
export const handshakeFailure = (error: NodeJS.ErrnoException): WsFailure => {
  const code = error.code ?? '';
  const detail = error.message;
  // Errors of the system name their call; a peer that closes in order gives a "reset" without one.
  if (code === 'ECONNRESET' && error.syscall === undefined)
    return { cause: CAUSES.closedUnanswered, detail: '', status: 0, again: true };
  if (code === '' || code.startsWith('HPE_')) return { cause: CAUSES.wsBadHandshake, detail, status: 0, again: false };
  return dialFailure(error, 'open');
};

/** What the library says of a socket that was open. */
export const frameFailure = (error: NodeJS.ErrnoException): WsFailure => {
  const tooLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
  return {
    cause: tooLarge ? CAUSES.wsMessageTooLarge : CAUSES.wsBadFrame,
    detail: error.message.replace(/^Invalid WebSocket frame: /, ''),
    status: 101,
    again: false,
  };
};
