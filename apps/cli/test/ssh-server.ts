import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const SSHD = '/usr/sbin/sshd';

/** OpenSSH's server and client are there; `.ci/run` installs them. */
export const hasSsh = (): boolean => existsSync(SSHD) && existsSync('/usr/bin/ssh');

/** A real sshd on a loopback port, with keys of its own, and a client configuration that knows them. */
export class SshServer {
  readonly port: number;
  readonly user = userInfo().username;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(port: number, folder: string, process: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(): Promise<SshServer> {
    const folder = await mkdtemp(join(tmpdir(), 'muster-sshd-'));
    await mkdir(join(folder, 'bin'));
    for (const key of ['host', 'user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
    await writeFile(join(folder, 'authorized'), await readFile(join(folder, 'user.pub')), { mode: 0o600 });
    const port = await freePort();
    const host = (await readFile(join(folder, 'host.pub'), 'utf8')).trim();
    await writeFile(join(folder, 'known'), `[127.0.0.1]:${port} ${host}\n`);
    const options = [
      ['ListenAddress', '127.0.0.1'],
      ['Port', String(port)],
      ['HostKey', join(folder, 'host')],
      ['AuthorizedKeysFile', join(folder, 'authorized')],
      ['PidFile', 'none'],
      ['StrictModes', 'no'],
      ['UsePAM', 'no'],
      ['PasswordAuthentication', 'no'],
      ['PermitRootLogin', 'prohibit-password'],
    ];
    await writeFile(join(folder, 'sshd_config'), `${options.map((pair) => pair.join(' ')).join('\n')}\n`);
    // The command takes the system's `ssh`; this one, found first, is the same with the test's own configuration.
    const client = [
      ['IdentityFile', join(folder, 'user')],
      ['IdentitiesOnly', 'yes'],
      ['UserKnownHostsFile', join(folder, 'known')],
      ['BatchMode', 'yes'],
    ];
    await writeFile(join(folder, 'ssh_config'), `${client.map((pair) => pair.join(' ')).join('\n')}\n`);
    await writeFile(join(folder, 'bin', 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${folder}/ssh_config "$@"\n`);
    await chmod(join(folder, 'bin', 'ssh'), 0o755);
    // As root it wants a folder for the part of it that has no rights.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
    const server = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ssh = new SshServer(port, folder, server);
    await ssh.#ready();
    return ssh;
  }

  /** What puts the test's `ssh` in front. */
  get path(): string {
    return `${join(this.#folder, 'bin')}:${process.env.PATH ?? ''}`;
  }

  async #ready(): Promise<void> {
    let said = '';
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    while (!(await accepts(this.port))) {
      if (this.#process.exitCode !== null) throw new Error(`sshd ended: ${said}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGTERM');
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
