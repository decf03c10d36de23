// One core against nginx on the other: requests per second beside autocannon, CPU per request beside wrk.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { has, MUSTER, measureLoad, ROOT, startNginx } from '../lib.mjs';

const SECONDS = 16;
const WARM_MS = 8_000;
const MEASURE_MS = 6_000;

export const prove = async ({ say }) => {
  if (!has('nginx')) throw new Error('nginx is not installed: apt-get install nginx-light');
  const nginx = await startNginx(1);
  const folder = mkdtempSync(join(tmpdir(), 'muster-prove-'));
  const file = join(folder, 'get.ts');
  writeFileSync(
    file,
    `import { http } from '@muster/script';\nexport default async function () { await http.get('${nginx.url}'); }\n`,
  );
  const figures = {};
  try {
    for (const connections of [64, 256]) {
      const load = (command, argv) =>
        measureLoad({ core: 0, command, argv, cwd: folder, nginx, warmMs: WARM_MS, measureMs: MEASURE_MS });
      const muster = await load(process.execPath, [
        MUSTER,
        'run',
        file,
        '-u',
        String(connections),
        '-d',
        `${SECONDS}s`,
        '--workers',
        '1',
        '-q',
      ]);
      const autocannon = await load(process.execPath, [
        join(ROOT, 'node_modules/autocannon/autocannon.js'),
        '-c',
        String(connections),
        '-d',
        String(SECONDS),
        nginx.url,
      ]);
      figures[`muster_rps_${connections}`] = muster.rps;
      figures[`muster_cpu_us_${connections}`] = muster.cpuUs;
      figures[`autocannon_rps_${connections}`] = autocannon.rps;
      figures[`rps_beside_autocannon_${connections}`] = muster.rps / autocannon.rps;
      if (has('wrk')) {
        const wrk = await load('wrk', ['-t', '1', '-c', String(connections), '-d', `${SECONDS}s`, nginx.url]);
        figures[`wrk_rps_${connections}`] = wrk.rps;
        figures[`wrk_cpu_us_${connections}`] = wrk.cpuUs;
        figures[`cpu_beside_wrk_${connections}`] = muster.cpuUs / wrk.cpuUs;
      } else say('wrk is not installed: skipped');
    }
  } finally {
    await nginx.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return figures;
};

export const judge = (figures) =>
  [64, 256].flatMap((connections) => [
    {
      what: `at ${connections} connections at least 1.3 × autocannon's requests per second (${figures[`rps_beside_autocannon_${connections}`].toFixed(2)})`,
      ok: figures[`rps_beside_autocannon_${connections}`] >= 1.3,
    },
    ...(figures[`cpu_beside_wrk_${connections}`] === undefined
      ? []
      : [
          {
            what: `at ${connections} connections at most 1.6 × wrk's CPU per request (${figures[`cpu_beside_wrk_${connections}`].toFixed(2)})`,
            ok: figures[`cpu_beside_wrk_${connections}`] <= 1.6,
          },
        ]),
  ]);
