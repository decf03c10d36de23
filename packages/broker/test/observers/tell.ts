import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { BUILT_IN } from '../../src/observers/built-in.js';
import type { Observer, ObserverOutcome } from '../../src/observers/observer.js';
import { ObserverBook } from '../../src/observers/observer-book.js';
import { nativeEnd, type RunEnd } from '../../src/observers/run-end.js';
import { type TellTimes, tellObserver } from '../../src/observers/tell-observer.js';
import { summaryOf } from '../summary-of.js';

export const END: RunEnd = nativeEnd(summaryOf({ id: 'run-1', reason: 'too <slow> & more' }), null);
export const QUICK: TellTimes = { tryMs: 5_000, tries: 3, backoffMs: 1 };

/** What a teller said in its log while it told one observer, and how it went. */
export interface Told extends ObserverOutcome {
  readonly log: string;
}

/** Tells one observer as a broker would that is set up so. `onRetry` is called before the second try. */
export const tell = async (
  name: string,
  options: Record<string, unknown>,
  {
    end = END,
    times = QUICK,
    observers = BUILT_IN,
    onRetry = () => undefined,
  }: { end?: RunEnd; times?: TellTimes; observers?: readonly Observer[]; onRetry?: () => void } = {},
): Promise<Told> => {
  let text = '';
  const write = (line: string) => {
    if (line.includes('is tried again') && !text.includes('is tried again')) onRetry();
    text += line;
  };
  const book = new ObserverBook(observers, { [name]: options });
  const [ready] = book.ready({ names: [name], options: {} });
  if (ready === undefined) throw new Error('nobody is there');
  const context = { log: pino({}, { write }), times, closing: new AbortController().signal };
  const outcome = await tellObserver(ready, end, context);
  if (outcome === null) throw new Error('the broker closed');
  return { ...outcome, log: text };
};

/** A port that nobody listens to. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** A certificate for this machine that nobody else trusts, made by the system's OpenSSL. */
export const makeCertificate = async (folder: string): Promise<{ readonly cert: string; readonly key: string }> => {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', names];
  await promisify(execFile)('openssl', ['req', ...kind, '-keyout', key, '-out', cert]);
  return { cert, key };
};
