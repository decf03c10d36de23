// Many workers of the original in one process: `row-senders.mjs RECEIVER RUN WORKERS FIRST RATE SECONDS`. Each has a PUSH
// socket of its own and sends a batch every tenth of a second, and every tenth of its rows alone.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const zmq = require('zeromq');
const [receiver, run, workers, first, rate, seconds] = process.argv.slice(2);
const TICK_MS = 100;
const perTick = Number(rate) / (1_000 / TICK_MS);
const alone = Math.floor(perTick / 10);

const work = async (worker) => {
  const push = new zmq.Push({ linger: -1, sendHighWaterMark: 80_960 });
  push.connect(receiver);
  const origin = { agent_id: `vm-${worker}`, run_id: run };
  const hit = (n) => ({
    url: `http://host/${worker}/${n % 5}`,
    method: 'GET',
    status: 200,
    started: '2026-11-25T22:03:44',
    elapsed: n / 1_000,
    loads_status: [1, 1, n, worker],
  });
  const began = performance.now();
  let n = 0;
  for (let tick = 0; tick < (Number(seconds) * 1_000) / TICK_MS; tick += 1) {
    const add_hit = Array.from({ length: perTick - alone }, () => hit(n++));
    await push.send(JSON.stringify({ data_type: 'batch', hostname: 'vm', ...origin, counts: { add_hit } }));
    for (let each = 0; each < alone; each += 1)
      await push.send(JSON.stringify({ data_type: 'add_hit', ...origin, ...hit(n++) }));
    const left = began + (tick + 1) * TICK_MS - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }
  push.close();
  return n;
};

const sent = await Promise.all(Array.from({ length: Number(workers) }, (_, n) => work(Number(first) + n)));
process.stdout.write(`${sent.reduce((sum, each) => sum + each, 0)}\n`);
