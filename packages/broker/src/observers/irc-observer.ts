import { readFile } from 'node:fs/promises';
import { sayOnIrc } from './irc-client.js';
import type { Observer } from './observer.js';

/** Says one line in a channel: joins, speaks, leaves. */
export const ircObserver: Observer = {
  name: 'irc',
  options: {
    server: {
      kind: 'text',
      help: 'host of the server',
      required: true,
      place: true,
      loads: 'irc.mozilla.org',
      check: oneWord,
    },
    channel: {
      kind: 'text',
      help: 'where it is said; a name without # gets one',
      required: true,
      loads: '#services-dev',
      check: (text) => (/^[#&+!]?[^\s,:#&+!][^\s,:]*$/u.test(text) ? null : 'must be the name of one channel'),
    },
    port: { kind: 'port', help: '6697 with TLS, 6667 without', place: true, loads: 8443 },
    ssl: { kind: 'flag', help: 'speak TLS', default: true, place: true, loads: true },
    nickname: {
      kind: 'text',
      help: 'as whom',
      default: 'muster',
      loads: 'loads',
      check: (text) =>
        /^[A-Za-z[\]\\`_^{|}][\w[\]\\`^{|}-]{0,29}$/.test(text)
          ? null
          : 'must be a nickname: letters, digits and _-[]{}|`^',
    },
    password: { kind: 'text', help: "the server's, if it has one", secret: true, bound: true, check: oneWord },
    ca: { kind: 'text', help: 'file of certificates to trust, as PEM', brokerOnly: true },
  },
  finished: async ({ dialect, text }, { options, signal }) => {
    const { server, channel, port, ssl, nickname, password, ca } = options;
    const name = String(channel);
    await sayOnIrc(
      {
        server: String(server),
        port: typeof port === 'number' ? port : ssl === true ? 6_697 : 6_667,
        ssl: ssl === true,
        nickname: String(nickname),
        channel: /^[#&+!]/.test(name) ? name : `#${name}`,
        password: password === undefined ? null : String(password),
        ca: ca === undefined ? null : await readFile(String(ca), 'utf8'),
      },
      `[${dialect === 'original' ? 'loads' : 'muster'}] ${text}`,
      signal,
    );
  },
};

function oneWord(text: string): string | null {
  return /^[^\s:]\S*$/.test(text) ? null : 'must be one word';
}
