// What the proofs share: processes pinned to cores, their CPU time, nginx as the target that counts for itself.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const MUSTER = join(ROOT, 'apps/cli/bin/muster.js');
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const has = (command) => {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const TICKS = Number(execFileSync('getconf', ['CLK_TCK']).toString());

/** A process and all below it. */
export const treeOf = (pid) => {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found;
};

/** CPU seconds (user and system) that a tree has used so far. */
export const cpuOf = (pid) =>
  treeOf(pid).reduce((sum, each) => {
    try {
      const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
      return sum;
    }
  }, 0);

/** Starts nginx with one worker on a core, answering 13 bytes; `requests()` is its own count. */
export const startNginx = async (core) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-nginx-'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
server { listen 127.0.0.1:${port} backlog=16384; location / { return 200 "hello, world\\n"; } location /status { stub_status; } } }`,
  );
  const child = spawn('taskset', ['-c', String(core), 'nginx', '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/`;
  const requests = async () => {
    const text = await (await fetch(`${url}status`)).text();
    return Number(/\d+ \d+ (\d+)/.exec(text)?.[1]);
  };
  for (let n = 0; n < 100; n += 1) {
    const up = await requests().catch(() => null);
    if (up !== null) break;
    await wait(50);
  }
  return {
    url,
    requests,
    stop: async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Runs a command on a core and measures the middle of its load: requests by the target's count, CPU of the whole tree. */
export const measureLoad = async ({ core, command, argv, cwd, nginx, warmMs, measureMs }) => {
  const child = spawn('taskset', ['-c', String(core), command, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const first = await nginx.requests();
  while ((await nginx.requests()) < first + 1_000) {
    if (child.exitCode !== null) throw new Error(`${command} ended before it made load:\n${said}`);
    await wait(20);
  }
  await wait(warmMs);
  const [from, cpuFrom, at] = [await nginx.requests(), cpuOf(child.pid), performance.now()];
  await wait(measureMs);
  const [to, cpuTo, end] = [await nginx.requests(), cpuOf(child.pid), performance.now()];
  await gone;
  return { rps: ((to - from) * 1_000) / (end - at), cpuUs: ((cpuTo - cpuFrom) * 1e6) / (to - from) };
};
