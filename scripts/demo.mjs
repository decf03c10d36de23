// The demo: a target, a broker and two agents as separate processes, one run with the live view, and the target's own
// count beside what Muster reports. Everything is on loopback, on ports that the system chooses, and stopped at the end.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'muster-demo-'));
const children = [];

const start = (name, argv, ready) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let said = '';
    const hear = (chunk) => {
      said += chunk;
      const found = ready.exec(said);
      if (found) resolve(found[1] ?? found[0]);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${said}`)));
  });

const muster = (...argv) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'apps/cli/bin/muster.js'), ...argv], {
      cwd: root,
      stdio: 'inherit',
    });
    child.once('exit', (code) => resolve(code));
  });

const agentsSignedOn = async (broker, count) => {
  const { connect } = await import('@muster/client');
  const client = await connect(broker, { timeoutMs: 10_000 });
  await client.waitForAgents(count, { timeoutMs: 20_000 });
  await client.close();
};

const compare = (summary, stats) => {
  const rows = [
    ['requests sent', summary.coverage.sent, 'requests received', stats.received],
    ['requests answered', summary.coverage.answered, 'requests served', stats.served],
  ];
  console.log('\n  what Muster reports            what the target counted itself');
  for (const [ours, a, theirs, b] of rows)
    console.log(
      `  ${a === b ? '✓' : '✗'} ${ours.padEnd(20)} ${String(a).padStart(7)}   ${theirs.padEnd(20)} ${String(b).padStart(7)}`,
    );
  return rows.every(([, a, , b]) => a === b);
};

let status = 1;
try {
  const port = await start('target', ['packages/testkit/dist/target/main.js'], /"port":\s*(\d+)/);
  const base = `http://127.0.0.1:${port}`;
  console.log(`target  ${base}`);
  const broker = await start(
    'broker',
    ['packages/broker/bin/muster-broker.js', '--frontend', 'tcp://127.0.0.1:*', '--data', join(folder, 'broker')],
    /"?frontend"?[:=]\s*"?(tcp:\/\/[^\s",}]+)/,
  );
  console.log(`broker  ${broker}`);
  for (const node of ['demo-1', 'demo-2']) {
    children.push(
      spawn(
        process.execPath,
        [
          'packages/agent/bin/muster-agent.js',
          '--broker',
          broker,
          '--node',
          node,
          '--workers',
          '1',
          '--data',
          join(folder, node),
        ],
        { cwd: root, stdio: 'ignore' },
      ),
    );
    console.log(`agent   ${node}`);
  }
  await agentsSignedOn(broker, 2);
  console.log('');
  const file = join(folder, 'summary.json');
  const code = await muster(
    'run',
    'examples/shop.ts',
    '--broker',
    broker,
    '--agents',
    '2',
    '-e',
    `BASE_URL=${base}`,
    '--summary-export',
    file,
  );
  const stats = await (await fetch(`${base}/stats`)).json();
  const agree = code === 0 && compare(JSON.parse(readFileSync(file, 'utf8')), stats);
  status = agree ? 0 : code || 1;
  console.log(agree ? '\n  The two agree.' : '\n  The two do not agree, or the run failed.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(
    children.map((child) =>
      child.exitCode !== null || child.signalCode !== null ? null : new Promise((done) => child.once('exit', done)),
    ),
  );
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = status;
