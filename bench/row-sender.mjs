// Sends rows of the original as its workers do: `row-sender.mjs RECEIVER RUN MESSAGES ROWS_A_MESSAGE`. It shares a core with
// what is measured, so it must cost little: messages are framed beforehand, and many go out with one write. The few bytes
// of ZMTP 3.0 that a PUSH socket says are written here. Standard input holds it back until a line comes.
import { once } from 'node:events';
import { connect } from 'node:net';

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

/** https://rfc.zeromq.org/spec/23/: 64 bytes with version 3.0, the NULL mechanism, no server. */
const greeting = Buffer.alloc(64);
greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
greeting.write('NULL', 12, 'latin1');

/** Body of a command or message behind its flags and length. */
const frame = (flags, body) => {
  const head = Buffer.alloc(body.length > 255 ? 9 : 2);
  head[0] = flags | (body.length > 255 ? 2 : 0);
  if (body.length > 255) head.writeBigUInt64BE(BigInt(body.length), 1);
  else head[1] = body.length;
  return Buffer.concat([head, body]);
};
const text = (value, bytes) => {
  const length = Buffer.alloc(bytes);
  length.writeUIntBE(value.length, 0, bytes);
  return Buffer.concat([length, Buffer.from(value)]);
};
const COMMAND = 4;
const ready = frame(COMMAND, Buffer.concat([text('READY', 1), text('Socket-Type', 1), text('PUSH', 4)]));

const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(receiver);
const socket = connect(Number(port), host);
socket.resume();
await once(socket, 'connect');
socket.write(greeting);
socket.write(ready);

/** So much goes out at once. */
const CHUNK_BYTES = 256 * 1_024;
const frames = written.map((body) => frame(0, body));
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
let gathered = [];
let bytes = 0;
for (let n = 0; n < Number(messages); n += 1) {
  const next = frames[n % frames.length];
  gathered.push(next);
  bytes += next.length;
  if (bytes < CHUNK_BYTES) continue;
  if (!socket.write(Buffer.concat(gathered))) await once(socket, 'drain');
  gathered = [];
  bytes = 0;
}
socket.end(Buffer.concat(gathered));
await once(socket, 'close');
