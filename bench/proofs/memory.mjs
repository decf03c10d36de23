// Resident memory of one worker with 5,000 users and a connection each, above the same worker with 10.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUSTER, startNginx, treeOf, wait } from '../lib.mjs';

const USERS = 5_000;

const rssOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
/** The worker is the child whose command line names the worker's entry. */
const workerOf = (pid) =>
  treeOf(pid).find((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').includes('worker/main.js'));

const measure = async (users, nginx, folder) => {
  const file = join(folder, `memory-${users}.ts`);
  writeFileSync(
    file,
    `import { http, sleep } from '@muster/script';\nexport default async function () { await http.get('${nginx.url}'); await sleep(1); }\n`,
  );
  const child = spawn(
    process.execPath,
    [MUSTER, 'run', file, '-u', String(users), '-d', '20s', '--workers', '1', '-q'],
    { cwd: folder, stdio: 'ignore' },
  );
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const before = await nginx.requests();
  while ((await nginx.requests()) < before + users * 5) await wait(100);
  const kib = rssOf(workerOf(child.pid));
  child.kill('SIGINT');
  await gone;
  return kib;
};

export const prove = async () => {
  const nginx = await startNginx(1);
  const folder = mkdtempSync(join(tmpdir(), 'muster-prove-'));
  try {
    const few = await measure(10, nginx, folder);
    const many = await measure(USERS, nginx, folder);
    return { rss_kib_10: few, rss_kib_5000: many, kib_per_user: (many - few) / (USERS - 10) };
  } finally {
    await nginx.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

export const judge = (figures) => [
  { what: `under 24 KiB per user (${figures.kib_per_user.toFixed(1)})`, ok: figures.kib_per_user < 24 },
];
