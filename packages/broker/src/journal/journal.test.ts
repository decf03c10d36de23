import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from './journal.js';
import { frameRecord, readRecords } from './record.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-journal-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const changes = fc.array(
  fc.record({
    key: fc.constantFrom('run/a', 'run/b', 'agent/1', 'x'),
    value: fc.option(
      fc.jsonValue().filter((value) => value !== undefined),
      { nil: undefined },
    ),
  }),
  { maxLength: 40 },
);
const plain = (entries: ReadonlyMap<string, unknown>) =>
  JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
const apply = (list: readonly { key: string; value: unknown }[]): Map<string, unknown> => {
  const map = new Map<string, unknown>();
  for (const { key, value } of list) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
  return map;
};

describe('a record', () => {
  it('is found whole or not at all, wherever the bytes are cut or damaged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
        fc.nat(500),
        fc.nat(500),
        (bodies, cutAt, flipAt) => {
          const bytes = Buffer.concat(bodies.map(frameRecord));
          const cut = bytes.subarray(0, cutAt % (bytes.length + 1));
          const found = readRecords(cut);
          expect(found.bodies.map((body) => [...body])).toEqual(
            bodies.slice(0, found.bodies.length).map((body) => [...body]),
          );
          if (bytes.length === 0) return;
          const damaged = Buffer.from(bytes);
          damaged.writeUInt8(damaged.readUInt8(flipAt % bytes.length) ^ 0x10, flipAt % bytes.length);
          const whole = readRecords(damaged).bodies.length;
          expect(whole).toBeLessThan(bodies.length);
        },
      ),
    );
  });
});

describe('a journal', () => {
  it('holds the latest value of every key after any changes and reopenings', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 3 }), async (lives) => {
        const path = join(folder, `${Math.random()}.journal`);
        const seen: { key: string; value: unknown }[] = [];
        for (const life of lives) {
          const { journal, entries } = await Journal.open(path);
          expect(plain(entries)).toBe(plain(apply(seen)));
          await Promise.all(life.map((change) => journal.save(change)));
          seen.push(...life);
          await journal.close();
        }
        const { journal, entries } = await Journal.open(path);
        expect(plain(entries)).toBe(plain(apply(seen)));
        await journal.close();
      }),
      { numRuns: 30 },
    );
  });

  it('loses a cut tail and nothing before it', async () => {
    const path = join(folder, 'cut.journal');
    const { journal } = await Journal.open(path);
    for (let n = 0; n < 20; n += 1) await journal.save({ key: `key-${n}`, value: { n, text: 'x'.repeat(n) } });
    await journal.close();
    const whole = await readFile(path);
    for (const cut of [1, 5, 30, whole.length - 3]) {
      await writeFile(path, whole);
      await truncate(path, whole.length - cut);
      const { journal: again, entries, droppedBytes } = await Journal.open(path);
      expect([...entries.values()]).toEqual(
        Array.from({ length: entries.size }, (_, n) => ({ n, text: 'x'.repeat(n) })),
      );
      expect(entries.size).toBeLessThan(20);
      expect(droppedBytes).toBeGreaterThan(0);
      await again.close();
    }
  });

  it('goes on behind garbage at its end', async () => {
    const path = join(folder, 'garbage.journal');
    const first = await Journal.open(path);
    await first.journal.save({ key: 'a', value: 1 });
    await first.journal.close();
    await appendFile(path, Buffer.from('half a rec'));
    const second = await Journal.open(path);
    await second.journal.save({ key: 'b', value: 2 });
    await second.journal.close();
    const third = await Journal.open(path);
    expect([...third.entries]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    await third.journal.close();
  });

  it('stays small while one key changes for ever', async () => {
    const path = join(folder, 'small.journal');
    const { journal } = await Journal.open(path);
    const value = Buffer.alloc(1_024 * 1_024, 7);
    for (let n = 0; n < 30; n += 1) await journal.save({ key: 'state', value: { n, value } });
    await journal.close();
    expect((await readFile(path)).length).toBeLessThan(13 * 1_024 * 1_024);
    const again = await Journal.open(path);
    expect((again.entries.get('state') as { n: number }).n).toBe(29);
    await again.journal.close();
  });

  it('tells each saver in the order of the calls', async () => {
    const { journal } = await Journal.open(join(folder, 'order.journal'));
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => journal.save({ key: 'k', value: n }).then(() => order.push(n))),
    );
    expect(order).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await journal.close();
  });
});
