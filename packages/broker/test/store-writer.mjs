// Appends batches for ever, a window and the rows beside it in turn, and tells which are durable: to be killed.
import { ThreadStore } from '@muster/broker/internal';
import { encodeNative, SAMPLE_COLUMNS } from '@muster/protocol';

const [folder, from] = process.argv.slice(2);
const run = '01990000-0000-7000-8000-000000000001';
const boot = '00112233445566778899aabbccddeeff';
const rows = 500;
const width = { f64: 8, i32: 4, u32: 4, u8: 1, dict: 4 };
const columns = SAMPLE_COLUMNS.map(({ name, type }) => ({
  name,
  type,
  data: new Uint8Array(rows * width[type]),
  ...(type === 'dict' ? { values: ['a'] } : {}),
}));
const payloadOf = (number) =>
  number % 2 === 0
    ? {
        second: number,
        sealedToMs: number * 1_000 + 1_000,
        series: [],
        errors: [],
        rows: { measured: rows, kept: rows },
        logs: [],
      }
    : { rows, columns };

const health = { failed: () => process.exit(1), recovered: () => undefined };
const store = await ThreadStore.open({ folder, health, queueBytes: 4_000_000 });
for (let number = Number(from); ; number += 1) {
  const header = {
    stream: `${boot}/${run}`,
    number,
    kind: number % 2 === 0 ? 'window' : 'samples',
    run,
    agent: 'one.001122',
    worker: 0,
    last: false,
  };
  void store.append({ header, payload: encodeNative(payloadOf(number)) }).then(() => process.send(number));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await store.room();
}
