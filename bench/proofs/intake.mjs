// Rows of the original per second: sent by another process over a PUSH socket, decoded, stored durably and counted. The
// clock stops when the broker's own count is whole, and the answer comes only after a commit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuOf, ROOT, wait } from '../lib.mjs';

const require = createRequire(join(ROOT, 'packages/protocol/package.json'));
const zmq = require('zeromq');
const SENDER = join(ROOT, 'bench/row-sender.mjs');
const BROKER = join(ROOT, 'packages/broker/bin/muster-broker.js');

const startBroker = async (cores, folder) => {
  const argv = ['-c', cores, process.execPath, BROKER, '--data', folder];
  const child = spawn('taskset', [...argv, '--frontend', 'tcp://127.0.0.1:*'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  for (;;) {
    const ready = /^.*"msg":"ready".*$/m.exec(said);
    if (ready !== null) return { child, endpoints: JSON.parse(ready[0]).endpoints };
    if (child.exitCode !== null) throw new Error(`the broker ended:\n${said}`);
    await wait(20);
  }
};

/** Sends so many messages and waits until each row is counted. */
const send = async (endpoints, client, core, run, messages, rowsAMessage) => {
  const argv = [process.execPath, SENDER, endpoints.receiver, run, String(messages), String(rowsAMessage)];
  const child = spawn('taskset', ['-c', core, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  await once(child.stdout, 'data');
  await wait(200);
  const at = performance.now();
  child.stdin.write('go\n');
  await gone;
  for (;;) {
    await client.send(JSON.stringify({ command: 'CTRL_GET_COUNTS', run_id: run }));
    const [answer] = await client.receive();
    const counted = JSON.parse(String(answer)).result?.add_hit ?? 0;
    if (counted === messages * rowsAMessage) return performance.now() - at;
    if (counted > messages * rowsAMessage) throw new Error(`${counted} rows are more than were sent`);
    await wait(50);
  }
};

const measure = async (brokerCores, rowsAMessage, messages) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-intake-'));
  const { child, endpoints } = await startBroker(brokerCores, folder);
  const client = new zmq.Request({ linger: 0, receiveTimeout: 60_000 });
  client.connect(endpoints.frontend);
  try {
    await send(endpoints, client, '1', 'warm', Math.ceil(messages / 5), rowsAMessage);
    const cpu = cpuOf(child.pid);
    const ms = await send(endpoints, client, '1', 'measured', messages, rowsAMessage);
    const rows = messages * rowsAMessage;
    return { rate: (rows * 1_000) / ms, cpuUs: ((cpuOf(child.pid) - cpu) * 1e6) / rows };
  } finally {
    client.close();
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
};

const CASES = [
  ['singles_one_core', '0', 1, 500_000],
  ['batches_one_core', '0', 1_000, 3_000],
  ['singles_two_cores', '0,1', 1, 600_000],
  ['batches_two_cores', '0,1', 1_000, 4_000],
];

export const prove = async ({ say }) => {
  const figures = {};
  // `npm run prove -- intake singles_one_core`: that one alone.
  const only = process.argv[3];
  for (const [name, cores, rowsAMessage, messages] of CASES) {
    if (only !== undefined && only !== name) continue;
    const { rate, cpuUs } = await measure(cores, rowsAMessage, messages);
    figures[name] = rate;
    // The broker's own time for a row, both threads and zeromq: less than the rate it depends on what else is going on.
    figures[`${name}_cpu_us`] = cpuUs;
    say(`${name}: ${Math.round(rate)} rows/s, ${cpuUs.toFixed(2)} µs of CPU a row`);
  }
  return figures;
};

const TARGETS = {
  singles_one_core: 70_000,
  batches_one_core: 350_000,
  singles_two_cores: 100_000,
  batches_two_cores: 600_000,
};

export const judge = (figures) =>
  Object.entries(TARGETS)
    .filter(([name]) => figures[name] !== undefined)
    .map(([name, target]) => ({
      what: `${name}: at least ${target} rows/s (${Math.round(figures[name])})`,
      ok: figures[name] >= target,
    }));
