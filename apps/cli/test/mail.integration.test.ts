import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MUSTER = fileURLToPath(new URL('../bin/muster.js', import.meta.url));

/** All that was said to the mail server, line by line. */
const said: string[] = [];
let server: Server;
let folder: string;

/** As little of SMTP (RFC 5321) as one mail without a login needs. */
const serveMail = (socket: Socket): void => {
  let isText = false;
  const answer = (line: string): string | null => {
    if (isText && line !== '.') return null;
    if (isText) {
      isText = false;
      return '250 kept';
    }
    isText = /^DATA$/i.test(line);
    if (isText) return '354 go on';
    return /^QUIT$/i.test(line) ? '221 bye' : '250 fine';
  };
  socket.write('220 mail.example.org\r\n');
  createInterface({ input: socket }).on('line', (line) => {
    said.push(line);
    const text = answer(line);
    if (text !== null) socket.write(`${text}\r\n`);
  });
  socket.on('error', () => socket.destroy());
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-mail-'));
  await writeFile(join(folder, 'quick.ts'), 'export default () => undefined;\n');
  server = createServer(serveMail).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('muster run --observer email', () => {
  it('sends a mail with the verdict before the command ends', async () => {
    const { port } = server.address() as AddressInfo;
    const child = spawn(
      process.execPath,
      [
        ...[MUSTER, 'run', 'quick.ts', '-i', '1', '--workers', '1', '--observer', 'email'],
        ...['--observer-email-host', '127.0.0.1', '--observer-email-port', String(port)],
        ...['--observer-email-recipient', 'me@example.org', '--observer-email-sender', 'muster@example.org'],
      ],
      { cwd: folder, env: { ...process.env, MUSTER_BROKER: '' }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, err]).toEqual([0, '']);
    const commands = said.map((line) => line.toLowerCase());
    expect(commands.filter((line) => /^(mail from|rcpt to):/.test(line))).toEqual([
      expect.stringContaining('<muster@example.org>'),
      'rcpt to:<me@example.org>',
    ]);
    expect(said.filter((line) => line.startsWith('Subject: '))).toHaveLength(1);
    expect(said.join('\n')).toContain('quick.ts passed (exit 0)');
  }, 60_000);
});
