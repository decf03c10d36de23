// Sends rows of the original as its workers do: `row-sender.mjs RECEIVER RUN MESSAGES ROWS_A_MESSAGE`. Messages are written
// beforehand, so that sending costs little; standard input holds it back until a line comes.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../packages/protocol/package.json', import.meta.url));
const zmq = require('zeromq');
const [receiver, run, messages, rowsAMessage] = process.argv.slice(2);
const DIFFERENT = 500;

const row = (n) => ({
  url: `http://127.0.0.1:8080/page/${n % 20}`,
  method: 'GET',
  status: n % 50 === 0 ? 404 : 200,
  started: `2026-11-25T22:03:44.${String(100_000 + (n % 900_000))}`,
  elapsed: Number((0.01 + (n % 1_000) / 1e5).toFixed(6)),
  loads_status: [10, 5, n % 10, n % 5],
});
const origin = { agent_id: 'vm-15872', hostname: 'vm', run_id: run };
const written = Array.from({ length: Number(rowsAMessage) === 1 ? DIFFERENT : 20 }, (_, n) =>
  Buffer.from(
    JSON.stringify(
      Number(rowsAMessage) === 1
        ? { ...row(n), data_type: 'add_hit', ...origin }
        : {
            data_type: 'batch',
            ...origin,
            counts: { add_hit: Array.from({ length: Number(rowsAMessage) }, (_, at) => row(n * 1_000 + at)) },
          },
    ),
  ),
);

const push = new zmq.Push({ linger: -1, sendHighWaterMark: 80_960 });
push.connect(receiver);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
for (let n = 0; n < Number(messages); n += 1) await push.send(written[n % written.length]);
push.close();
