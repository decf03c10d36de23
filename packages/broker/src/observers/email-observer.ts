import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createTransport } from 'nodemailer';
import type { Observer, ObserverValues } from './observer.js';
import { refused } from './refused.js';
import type { RunEnd } from './run-end.js';

const TLS = ['auto', 'starttls', 'true', 'false'];
/** SMTP over TLS from the first byte. */
const SMTPS_PORT = 465;

const address = (text: string): string | null =>
  /^[^@]+@[^@]+$/.test(text) ? null : 'must be an address, as me@example.org';

/** Sends a mail of plain text. */
export const emailObserver: Observer = {
  name: 'email',
  options: {
    recipient: {
      kind: 'text',
      help: 'who gets it; several with commas',
      required: true,
      check: (text) =>
        text.split(',').some((each) => address(each) !== null) ? 'must be addresses, as me@example.org' : null,
    },
    sender: { kind: 'text', help: 'who it is from', default: `muster@${hostname()}`, check: address },
    host: { kind: 'text', help: 'of the mail server', default: 'localhost', place: true, loads: 'localhost' },
    port: { kind: 'port', help: 'of the mail server', default: 25, place: true, loads: 25 },
    user: { kind: 'text', help: 'to log in as', bound: true },
    password: { kind: 'text', help: 'to log in with', secret: true, bound: true },
    subject: { kind: 'text', help: 'of the mail; the name of the run and how it ended', loads: 'Loads Results' },
    tls: {
      kind: 'text',
      help: 'auto (when the server offers it; a login off this machine needs it), starttls (always), true (from the start), false (never)',
      default: 'auto',
      place: true,
      check: (text) => (TLS.includes(text.toLowerCase()) ? null : `must be one of ${TLS.join(', ')}`),
    },
    ca: { kind: 'text', help: 'file of certificates to trust, as PEM', brokerOnly: true },
  },
  finished: async (end, { options, limitMs, signal }) => {
    const { user, password, host, port, ca } = options;
    const transport = createTransport({
      host: String(host),
      port: Number(port),
      ...tlsOf(options),
      ...(user === undefined ? {} : { auth: { user: String(user), pass: String(password ?? '') } }),
      ...(ca === undefined ? {} : { tls: { ca: await readFile(String(ca), 'utf8') } }),
      // Closing the transport does not end a connection that is just being made: its own limits do.
      dnsTimeout: limitMs,
      connectionTimeout: limitMs,
      greetingTimeout: limitMs,
      socketTimeout: limitMs,
      // The text is ours, but its words come from elsewhere.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const close = () => transport.close();
    signal.addEventListener('abort', close);
    try {
      const { rejected } = await transport.sendMail({
        from: String(options.sender),
        to: String(options.recipient),
        subject: String(options.subject ?? subjectOf(end)),
        text: bodyOf(end),
      });
      if (rejected.length > 0) throw refused(`the server refused ${rejected.join(', ')}, and took the others`);
    } catch (thrown) {
      throw isForGood(thrown) ? refused((thrown as Error).message, thrown) : thrown;
    } finally {
      signal.removeEventListener('abort', close);
      transport.close();
    }
  },
};

const tlsOf = ({ tls, port, host, user }: ObserverValues): object => {
  switch (String(tls).toLowerCase()) {
    case 'true':
      return { secure: true };
    case 'false':
      return { secure: false, ignoreTLS: true };
    case 'starttls':
      return { secure: false, requireTLS: true };
    default: {
      const isHere = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(String(host));
      return { secure: port === SMTPS_PORT, requireTLS: user !== undefined && !isHere };
    }
  }
};

/** A server that says no with 5xx, to a login or to a recipient, says so again. */
const isForGood = (thrown: unknown): boolean => {
  const { code, responseCode } = thrown as { readonly code?: unknown; readonly responseCode?: unknown };
  return code === 'EAUTH' || code === 'OBSERVER_REFUSED' || (typeof responseCode === 'number' && responseCode >= 500);
};

const subjectOf = ({ name, verdict }: RunEnd): string =>
  verdict === null ? 'Loads Results' : `Muster: ${name} ${verdict}`.replace(/\p{Cc}+/gu, ' ');

const bodyOf = ({ run, text, verdict, reason, startedAt, endedAt }: RunEnd): string =>
  [
    text,
    '',
    ...(verdict === null ? [] : [`verdict: ${verdict}${reason === null ? '' : ` (${reason})`}`]),
    `run:     ${run}`,
    ...(startedAt === null ? [] : [`started: ${startedAt}`]),
    ...(endedAt === null ? [] : [`ended:   ${endedAt}`]),
    '',
  ].join('\n');
