import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentId,
  type BatchHeader,
  BatchHeader as BatchHeaderSchema,
  decodeNative,
  encodeNative,
  type RunId,
  type StreamId,
  streamId,
} from '@muster/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SupervisorEvent } from '../supervisor/event.js';
import type { WireBatch } from './box-record.js';
import { OutboxFiles, type OutboxFilesOptions } from './outbox-files.js';

const BOOT = 'a'.repeat(32);
const RUN = '01900000-0000-7000-8000-000000000001' as RunId;
const STREAM = streamId(BOOT, RUN);
const FILE = `${BOOT}_${RUN}.box`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-outbox-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const headerOf = (number: number, more: Partial<BatchHeader> = {}): BatchHeader => ({
  stream: STREAM,
  number,
  kind: 'samples',
  run: RUN,
  agent: agentId('node', BOOT),
  worker: 0,
  last: false,
  ...more,
});
const windowPayload = (sealedToMs: number) =>
  encodeNative({ second: 0, sealedToMs, series: [], errors: [], rows: { measured: 0, kept: 0 }, logs: [] });

/** An outbox whose events can be waited for. */
const openOutbox = async (more: Partial<OutboxFilesOptions> = {}) => {
  const events: SupervisorEvent[] = [];
  const pushed: WireBatch[] = [];
  const warnings: string[] = [];
  let look: () => void = () => undefined;
  const { files, saved } = await OutboxFiles.open({
    folder,
    retryMs: 5,
    onEvent: (event) => {
      events.push(event);
      look();
    },
    push: (batch) => {
      pushed.push(batch);
      look();
    },
    warn: (message) => warnings.push(message),
    ...more,
  });
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (condition()) resolve();
      };
      look();
    });
  const written = (number: number, stream: StreamId = STREAM) =>
    until(() => events.some((e) => e.type === 'outbox.written' && e.stream === stream && e.upTo >= number));
  const sent = () =>
    pushed.map(({ header, payload }) => [decodeNative(BatchHeaderSchema, header).number, payload.length]);
  return { files, saved, events, pushed, warnings, until, written, sent };
};

describe('the outbox on disk', () => {
  it('writes what it is given, tells so, and sends it as it came', async () => {
    const box = await openOutbox();
    for (let n = 0; n < 20; n += 1) box.files.append(headerOf(n), Buffer.alloc(n, n));
    await box.written(19);
    expect(await readdir(folder)).toEqual([FILE]);
    for (let n = 0; n < 20; n += 1) box.files.send(STREAM, n);
    expect(box.sent()).toEqual(Array.from({ length: 20 }, (_, n) => [n, n]));
    expect(decodeNative(BatchHeaderSchema, box.pushed[3]?.header ?? Buffer.alloc(0))).toEqual(headerOf(3));
    await box.files.close();
  });

  it('keeps no more in memory than it may, and reads the rest back in order', async () => {
    const box = await openOutbox({ memoryBytes: 2_000 });
    for (let n = 0; n < 50; n += 1) {
      box.files.append(headerOf(n), Buffer.alloc(500, n));
      await box.written(n);
    }
    expect(box.files.memoryBytes).toBeLessThanOrEqual(2_000);
    for (let n = 0; n < 50; n += 1) box.files.send(STREAM, n);
    await box.until(() => box.pushed.length === 50);
    expect(box.sent().map(([number]) => number)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(box.pushed[49]?.payload.equals(Buffer.alloc(500, 49))).toBe(true);
    await box.files.close();
  });

  it('removes the file when the stream is done', async () => {
    const box = await openOutbox();
    box.files.append(headerOf(0, { kind: 'end', last: true }), Buffer.alloc(1));
    await box.written(0);
    box.files.forget(STREAM, 0);
    box.files.delete(STREAM);
    await box.files.close();
    expect(await readdir(folder)).toEqual([]);
    expect(box.files.memoryBytes).toBe(0);
  });

  it('gives back the room of what is acknowledged, and keeps what is not', async () => {
    const box = await openOutbox({ memoryBytes: 1 });
    const big = Buffer.alloc(200_000, 7);
    for (let n = 0; n < 300; n += 2) {
      box.files.append(headerOf(n, { kind: 'window' }), Buffer.alloc(100));
      box.files.append(headerOf(n + 1), big);
      await box.written(n + 1);
      box.files.forget(STREAM, n);
    }
    await box.files.close();
    expect((await stat(join(folder, FILE))).size).toBeLessThan(30_000_000);
    const next = await openOutbox();
    expect(next.saved[0]).toMatchObject({ stream: STREAM, closed: false });
    expect((next.saved[0]?.first ?? 0) + (next.saved[0]?.sizes.length ?? 0)).toBe(300);
    next.files.append(headerOf(300, { kind: 'end', last: true }), Buffer.alloc(3));
    await next.written(300);
    next.files.send(STREAM, 299);
    next.files.send(STREAM, 300);
    await next.until(() => next.pushed.length === 2);
    expect(next.pushed[0]?.payload.equals(big)).toBe(true);
    await next.files.close();
  });

  it('goes on in memory when it can not write, in order, and catches up when it can', async () => {
    const box = await openOutbox();
    // A folder where the file should be: creating it fails until it is gone.
    await rm(folder, { recursive: true });
    box.files.append(headerOf(0), Buffer.alloc(10));
    await box.until(() => box.events.some((event) => event.type === 'outbox.disk' && event.full));
    box.files.append(headerOf(1), Buffer.alloc(20));
    box.files.send(STREAM, 0);
    box.files.send(STREAM, 1);
    expect(box.sent()).toEqual([
      [0, 10],
      [1, 20],
    ]);
    expect(box.events[0]).toMatchObject({ full: true, why: expect.stringContaining('kept in memory') });
    const full = box.events.findLast((event) => event.type === 'outbox.disk');
    expect(full?.type === 'outbox.disk' ? full.waitingBytes : 0).toBeGreaterThan(30);
    await mkdir(folder);
    await box.written(1);
    await box.until(() => box.events.some((event) => event.type === 'outbox.disk' && !event.full));
    await box.files.close();
    const next = await openOutbox();
    expect(next.saved[0]?.sizes).toHaveLength(2);
    await next.files.close();
  });

  it('sends a batch that the disk has damaged as a hole, so that the stream does not stand still', async () => {
    const box = await openOutbox({ memoryBytes: 1 });
    box.files.append(headerOf(0), Buffer.alloc(100, 1));
    await box.written(0);
    const bytes = await readFile(join(folder, FILE));
    bytes[bytes.length - 5] = 99;
    await writeFile(join(folder, FILE), bytes);
    box.files.send(STREAM, 0);
    await box.until(() => box.pushed.length === 1);
    expect(box.sent()).toEqual([[0, 0]]);
    expect(box.warnings.at(-1)).toContain('hole');
    await box.files.close();
  });
});

describe('an outbox that a crash left', () => {
  it('is taken up with its numbers and sizes', async () => {
    const first = await openOutbox();
    first.files.append(headerOf(0, { kind: 'window', worker: 0 }), windowPayload(1_000));
    first.files.append(headerOf(1, { kind: 'window', worker: 1 }), windowPayload(1_000));
    first.files.append(headerOf(2, { kind: 'window', worker: 0 }), windowPayload(2_000));
    await first.written(2);
    await first.files.close();
    const next = await openOutbox();
    expect(next.saved).toMatchObject([
      {
        stream: STREAM,
        run: RUN,
        first: 0,
        closed: false,
      },
    ]);
    await next.files.close();
  });

  it('that is no outbox is set aside, whatever is in it', async () => {
    await writeFile(join(folder, FILE), 'not a box');
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await writeFile(join(folder, `${FILE}.new`), 'half copied');
    const box = await openOutbox();
    expect(box.saved).toEqual([]);
    expect(box.warnings).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['notes.txt']);
    await box.files.close();
  });

  it('loses at most what was cut off or damaged, wherever that is, and goes on numbering from there', async () => {
    const whole = await openOutbox();
    const sizes = [0, 1, 300, 17, 4_000, 2];
    for (const [n, size] of sizes.entries()) whole.files.append(headerOf(n), Buffer.alloc(size, n + 1));
    await whole.written(sizes.length - 1);
    await whole.files.close();
    const bytes = await readFile(join(folder, FILE));
    const again = await openOutbox();
    const [saved] = again.saved;
    await again.files.close();
    const ends: number[] = [];
    for (const size of saved?.sizes ?? []) ends.push((ends.at(-1) ?? 16) + size);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.boolean(), async (at, cut) => {
        const harmed = Buffer.from(bytes);
        if (!cut) harmed[at] = (harmed[at] ?? 0) ^ 0x5a;
        await writeFile(join(folder, FILE), harmed);
        if (cut) await truncate(join(folder, FILE), at);
        const intact = at < 16 ? 0 : ends.filter((end) => end <= at).length;
        const box = await openOutbox();
        expect(box.saved[0]?.sizes.length ?? 0).toBe(intact);
        if (at >= 16) {
          const { first, sizes: left } = box.saved[0] ?? { first: -1, sizes: [] };
          expect(first).toBe(0);
          box.files.append(headerOf(left.length, { kind: 'end', last: true }), Buffer.alloc(9));
          await box.written(left.length);
          for (let n = 0; n <= left.length; n += 1) box.files.send(STREAM, n);
          await box.until(() => box.pushed.length === left.length + 1);
          expect(box.sent()).toEqual([...sizes.slice(0, intact).map((size, n) => [n, size]), [intact, 9]]);
        }
        await box.files.close();
      }),
      { numRuns: 150 },
    );
  });
});
