import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '@muster/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasSsh, SshServer } from './ssh-server.js';

const MUSTER = fileURLToPath(new URL('../bin/muster.js', import.meta.url));

/** On a machine without OpenSSH's server these can't run; where everything must, they fail instead. */
describe.runIf(hasSsh() || process.env.CI === 'true')('a broker behind ssh', () => {
  let folder: string;
  let ssh: SshServer;
  let broker: Awaited<ReturnType<typeof startBroker>>;

  beforeAll(async () => {
    expect(hasSsh(), 'openssh-server and openssh-client are installed').toBe(true);
    folder = await mkdtemp(join(tmpdir(), 'muster-tunnel-'));
    await writeFile(
      join(folder, 'count.ts'),
      `import { Counter } from '@muster/script';\nconst seen = new Counter('seen');\nexport default () => { seen.add(1); };\n`,
    );
    ssh = await SshServer.start();
    broker = await startBroker({ data: join(folder, 'data'), frontend: 'tcp://127.0.0.1:*', logLevel: 'silent' });
  });
  afterAll(async () => {
    await broker?.close();
    await ssh?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const muster = (argv: readonly string[], path = ssh.path) =>
    new Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>((resolve) => {
      const env = { ...process.env, MUSTER_BROKER: '', PATH: path };
      const child = spawn(process.execPath, [MUSTER, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      child.once('close', (code) => resolve({ code, out, err }));
    });
  const through = () => ['--ssh', `${ssh.user}@127.0.0.1:${ssh.port}`, '-b', broker.endpoints.frontend];

  it('answers through the tunnel, which ends with the command', async () => {
    const ran = await muster(['ping', ...through()]);
    expect(ran.code, ran.err).toBe(0);
    expect(ran.out).toContain(`process ${process.pid}, 0 agents`);
  });

  it('runs a test and is followed, results and all', async () => {
    const agent = spawn(
      process.execPath,
      [MUSTER, 'agent', '--broker', broker.endpoints.frontend, '--log-level', 'silent'],
      {
        cwd: folder,
        stdio: 'ignore',
      },
    );
    try {
      const seen = async (): Promise<boolean> => (await muster(['agents', ...through()])).out.includes('free');
      while (!(await seen())) expect(agent.exitCode).toBe(null);
      const ran = await muster(['run', 'count.ts', ...through(), '-i', '20', '-u', '2']);
      expect(ran.code, ran.err + ran.out).toBe(0);
      expect(ran.out).toContain('TOTAL RESULTS');
      expect(ran.out).toMatch(/seen\.+: 20/);
      const runs = await muster(['runs', ...through(), '--json']);
      expect(JSON.parse(runs.out)).toMatchObject([{ name: 'count.ts', verdict: 'passed' }]);
    } finally {
      const ended = new Promise((resolve) => agent.once('close', resolve));
      agent.kill('SIGTERM');
      await ended;
    }
  }, 90_000);

  it('says what ssh says when it does not get there, or is not there', async () => {
    const stranger = await muster(['ping', '--ssh', `${ssh.user}@127.0.0.1:1`]);
    expect(stranger.code).toBe(122);
    expect(stranger.err).toContain('Connection refused');
    const none = await muster(['ping', '--ssh', '127.0.0.1'], '/nonexistent');
    expect(none.code).toBe(122);
    expect(none.err).toContain("it can't be started");
  });
});
