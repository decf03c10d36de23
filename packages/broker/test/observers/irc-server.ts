import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { until } from '../peers.js';
import { freePort } from './tell.js';

/** An IRC server of Debian's (ngircd) on loopback. */
export interface IrcServer {
  readonly port: number;
  readonly tlsPort: number;
  /** A person in a channel; resolves when they are in. */
  join(channel: string, nickname: string): Promise<IrcPerson>;
  stop(): Promise<void>;
}

/** Somebody who reads along. */
export interface IrcPerson {
  /** What is said in channels, as `nickname: text`. */
  readonly heard: readonly string[];
  /** Sends a command; resolves when the server has carried it out. */
  say(line: string): Promise<void>;
  close(): void;
}

export const startIrcServer = async (
  folder: string,
  certificate: { readonly cert: string; readonly key: string },
  { port: wanted, password }: { readonly port?: number; readonly password?: string } = {},
): Promise<IrcServer> => {
  const port = wanted ?? (await freePort());
  const tlsPort = await freePort();
  const file = join(folder, `ngircd-${port}.conf`);
  await writeFile(
    file,
    [
      '[Global]',
      'Name = irc.example.test',
      'Info = for tests',
      'Listen = 127.0.0.1',
      `Ports = ${port}`,
      'MotdPhrase = hello',
      'ServerUID = 0',
      'ServerGID = 0',
      ...(password === undefined ? [] : [`Password = ${password}`]),
      '[Limits]',
      'MaxConnectionsIP = 0',
      '[Options]',
      'DNS = no',
      'Ident = no',
      'PAM = no',
      '[SSL]',
      `CertFile = ${certificate.cert}`,
      `KeyFile = ${certificate.key}`,
      `Ports = ${tlsPort}`,
      '',
    ].join('\n'),
  );
  const child: ChildProcess = spawn('/usr/sbin/ngircd', ['-n', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += String(chunk);
    });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const people: Socket[] = [];
  const isUp = () => {
    if (child.exitCode !== null) throw new Error(`ngircd ended: ${said}`);
    return /Now listening.*:\s*\d+|listening on/i.test(said) && said.includes(String(tlsPort));
  };
  await until('ngircd', isUp);
  return {
    port,
    tlsPort,
    join: async (channel, nickname) => {
      const socket = connect(port, '127.0.0.1');
      people.push(socket);
      const heard: string[] = [];
      let all = '';
      let rest = '';
      socket.setEncoding('utf8').on('data', (chunk: unknown) => {
        all += String(chunk);
        rest += String(chunk);
        const lines = rest.split('\r\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line.startsWith('PING')) socket.write(`PONG${line.slice(4)}\r\n`);
          const [, who, text] = /^:([^!]+)!\S+ PRIVMSG \S+ :(.*)$/.exec(line) ?? [];
          if (who !== undefined) heard.push(`${who}: ${text}`);
        }
      });
      socket.on('error', () => undefined);
      const login = password === undefined ? '' : `PASS ${password}\r\n`;
      socket.write(`${login}NICK ${nickname}\r\nUSER x 0 * :x\r\nJOIN ${channel}\r\n`);
      await until(`${nickname} in ${channel}`, () => / 366 /.test(all));
      let asked = 0;
      const say = async (line: string): Promise<void> => {
        asked += 1;
        const token = `done-${asked}`;
        socket.write(`${line}\r\nPING ${token}\r\n`);
        await until(`an answer to ${line}`, () => all.includes(`PONG irc.example.test :${token}`));
      };
      return { heard, say, close: () => socket.destroy() };
    },
    stop: async () => {
      for (const each of people) each.destroy();
      if (child.exitCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
};
