// Start skew between three agents on one machine: how far apart their first requests reach the target.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const prove = async () => {
  const { startCluster } = await import('@muster/cluster');
  const { connect } = await import('@muster/client');
  const { bundleFile } = await import('@muster/bundle');
  const firsts = new Map();
  const server = createServer((request, response) => {
    const { agent } = request.headers;
    if (agent !== undefined && !firsts.has(agent)) firsts.set(agent, performance.now());
    response.end('ok');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The target's own first answers take milliseconds, which would be counted as the agents'.
  const target = `http://127.0.0.1:${server.address().port}/`;
  for (let n = 0; n < 50; n += 1) await (await fetch(target, { headers: { connection: 'close' } })).text();
  const folder = mkdtempSync(join(tmpdir(), 'muster-prove-'));
  const file = join(folder, 'skew.ts');
  writeFileSync(
    file,
    `import { http, exec } from '@muster/script';
export const options = { scenarios: { it: { executor: 'per-vu-iterations', vus: 3, iterations: 1 } } };
export default async () => { await http.get('${target}', { headers: { agent: exec.agent.id } }); };`,
  );
  const cluster = await startCluster({ agents: 3 });
  try {
    const muster = await connect(cluster.endpoint);
    const run = await muster.submit({ bundle: await bundleFile(file), agents: 3 });
    await run.summary();
    await muster.close();
  } finally {
    await cluster.stop();
  }
  const instants = [...firsts.values()];
  server.close();
  rmSync(folder, { recursive: true, force: true });
  return { agents: instants.length, skew_ms: Math.max(...instants) - Math.min(...instants) };
};

export const judge = (figures) => [
  {
    what: `three agents start within 10 ms (${figures.skew_ms.toFixed(2)})`,
    ok: figures.agents === 3 && figures.skew_ms < 10,
  },
];
