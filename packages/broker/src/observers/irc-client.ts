import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { refused } from './refused.js';

/** Where something is said, and as whom. */
export interface IrcTarget {
  readonly server: string;
  readonly port: number;
  readonly ssl: boolean;
  readonly nickname: string;
  readonly channel: string;
  /** Of the server. */
  readonly password: string | null;
  /** Certificates to trust in place of the system's, as PEM. */
  readonly ca: string | null;
}

/** RFC 2812: a line has at most 512 bytes; the server puts our name and host in front of what it passes on. */
const MAX_TEXT_BYTES = 400;
/** A server that sends so much without a line end is none. */
const MAX_LINE = 16_384;
const NICKNAME_TRIES = 5;
const SPOKEN = 'muster-has-spoken';

/** Numerics of RFC 2812 that end it, with what they mean here. */
const REFUSALS: Readonly<Record<string, string>> = {
  '403': 'there is no such channel',
  '404': 'the channel takes no messages from us',
  '405': 'the server lets us join no channel',
  '432': 'the nickname is not allowed',
  '464': 'the password is wrong',
  '465': 'the server has banned us',
  '471': 'the channel is full',
  '473': 'the channel is for invited people only',
  '474': 'the channel has banned us',
  '475': 'the channel has a key',
  '476': 'the name of the channel is not allowed',
  '477': 'the channel is for registered people only',
};

/**
 * Joins a channel, says one line and leaves. Resolves when the server has taken the line.
 *
 * @throws MusterError `OBSERVER_REFUSED` when the server will never take it; any other error when it might another time.
 */
export const sayOnIrc = (target: IrcTarget, text: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = open(target);
    const talk = new Talk(target, cut(text), (line) => {
      if (socket.writable) socket.write(`${line}\r\n`);
    });
    let done = false;
    const end = (fault: unknown): void => {
      if (done) return;
      done = true;
      signal.removeEventListener('abort', gaveUp);
      if (fault === null) {
        // QUIT goes out, then the server closes; what it says meanwhile concerns nobody.
        socket.end();
        socket.setTimeout(1_000, () => socket.destroy());
        resolve();
      } else {
        socket.destroy();
        reject(fault);
      }
    };
    const gaveUp = (): void => end(signal.reason);
    signal.addEventListener('abort', gaveUp);
    if (signal.aborted) gaveUp();
    let rest = '';
    socket.on(target.ssl ? 'secureConnect' : 'connect', () => talk.begin());
    socket.on('data', (chunk: Buffer) => {
      rest += chunk.toString('utf8');
      const lines = rest.split(/\r?\n/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) end(new Error('the server does not speak IRC'));
      try {
        for (const line of lines) if (!done && talk.hear(line)) end(null);
      } catch (thrown) {
        end(thrown);
      }
    });
    socket.on('error', (thrown) => end(thrown));
    socket.on('close', () => end(new Error('the server closed the connection')));
  });

const open = ({ server: host, port, ssl, ca }: IrcTarget): Socket => {
  if (!ssl) return connectPlain({ host, port });
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...servername, ...(ca === null ? {} : { ca }) });
};

/** One line, cut between characters. */
const cut = (text: string): string => {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  if (Buffer.byteLength(line) <= MAX_TEXT_BYTES) return line;
  let kept = '';
  let bytes = 0;
  for (const character of line) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_TEXT_BYTES) break;
    kept += character;
  }
  return `${kept}…`;
};

/** The conversation: welcome, join, say, and a `PING` whose answer shows that the line was taken. */
class Talk {
  readonly #target: IrcTarget;
  readonly #text: string;
  readonly #say: (line: string) => void;
  #nickname: string;
  #tries = 1;
  #spoken = false;

  constructor(target: IrcTarget, text: string, say: (line: string) => void) {
    this.#target = target;
    this.#text = text;
    this.#say = say;
    this.#nickname = target.nickname;
  }

  begin(): void {
    const { password } = this.#target;
    if (password !== null) this.#say(`PASS ${password}`);
    this.#say(`NICK ${this.#nickname}`);
    this.#say(`USER muster 0 * :Muster`);
  }

  /** @returns whether everything is said. @throws when it can't be. */
  hear(line: string): boolean {
    const { channel } = this.#target;
    const { command, words, last } = read(line);
    const refusal = Object.hasOwn(REFUSALS, command) ? REFUSALS[command] : undefined;
    if (refusal !== undefined) throw refused(`${refusal}: ${last}`);
    switch (command) {
      case 'PING':
        this.#say(`PONG :${last}`);
        return false;
      // In use, or not to be had just now.
      case '433':
      case '436':
      case '437':
        this.#rename();
        return false;
      case '001':
        this.#say(`JOIN ${channel}`);
        return false;
      // The end of the names: we are in.
      case '366':
        if (this.#spoken) return false;
        this.#spoken = true;
        this.#say(`PRIVMSG ${channel} :${this.#text}`);
        this.#say(`PING :${SPOKEN}`);
        return false;
      case 'PONG':
        if (!this.#spoken || ![...words, last].includes(SPOKEN)) return false;
        this.#say('QUIT :done');
        return true;
      case 'ERROR':
        throw new Error(`the server closed the connection: ${last}`);
      default:
        return false;
    }
  }

  /** As everybody does: a `_` at the end, and when those are taken too, a number. */
  #rename(): void {
    this.#tries += 1;
    if (this.#tries > NICKNAME_TRIES)
      throw new Error(`the nickname ${this.#target.nickname} is in use, and others like it`);
    const end = this.#tries <= 3 ? '_'.repeat(this.#tries - 1) : String(Math.floor(Math.random() * 1_000));
    // Nine characters are the least that a server must take.
    const room = Math.max(9, this.#target.nickname.length) - end.length;
    this.#nickname = `${this.#target.nickname.slice(0, room)}${end}`;
    this.#say(`NICK ${this.#nickname}`);
  }
}

interface IrcLine {
  readonly command: string;
  readonly words: readonly string[];
  /** Text after a colon, else the last word. */
  readonly last: string;
}

const read = (line: string): IrcLine => {
  const [, head = '', text] = /^(?:@\S+ +)?(?::\S+ +)?(.*?)(?: +:(.*)|:(.*))?$/s.exec(line) ?? [];
  const [command = '', ...words] = head.split(/ +/).filter((word) => word !== '');
  return { command: command.toUpperCase(), words, last: text ?? words.at(-1) ?? '' };
};
