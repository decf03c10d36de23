import {
  agentId,
  decodeNative,
  EndPayload,
  EVERY_WORKER,
  type RunId,
  SamplesPayload,
  streamId,
} from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { samplesOf } from '../../test/support/samples.js';
import { exitOf, RUN, STREAM, Stage } from '../../test/support/stage.js';

const OLD_BOOT = 'd'.repeat(32);
const OLD_RUN = '01900000-0000-7000-8000-0000000000ff' as RunId;
const OLD_STREAM = streamId(OLD_BOOT, OLD_RUN);
const old = (closed: boolean) => ({
  streams: [{ stream: OLD_STREAM, run: OLD_RUN, first: 4, sizes: [100, 100], closed }],
});
/** A batch of raw rows, one in four failed. */
const rows = (count: number, seed: number): Uint8Array =>
  samplesOf(Array.from({ length: count }, (_, row) => ({ value: seed * 100 + row, failed: row % 4 === 3 })));
const numbers = (stage: Stage) => stage.pushed.map(({ header }) => header.number);

describe('streams', () => {
  it('send nothing that would not survive a crash', () => {
    const stage = new Stage().running();
    stage.writes = false;
    stage.window(0, 0).window(0, 1);
    expect(numbers(stage)).toEqual([]);
    stage.event({ type: 'outbox.written', stream: STREAM, upTo: 0 });
    expect(numbers(stage)).toEqual([0]);
    stage.event({ type: 'outbox.written', stream: STREAM, upTo: 1 });
    expect(numbers(stage)).toEqual([0, 1]);
  });

  it('keep within the bound of what is on its way, and go on with each acknowledgement', () => {
    const stage = new Stage({ limits: { unackedBytes: 1_000 } }).running();
    for (let second = 0; second < 10; second += 1) stage.window(0, second);
    expect(numbers(stage)).toEqual([0, 1, 2]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 1 });
    expect(numbers(stage)).toEqual([0, 1, 2, 3, 4]);
  });

  it('send a batch that is larger than the bound alone', () => {
    const stage = new Stage({ limits: { unackedBytes: 10 } }).running().window(0, 0).window(0, 1);
    expect(numbers(stage)).toEqual([0]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 0 });
    expect(numbers(stage)).toEqual([0, 1]);
  });

  it('send again from a number, but nothing that is acknowledged', () => {
    const stage = new Stage().running();
    for (let second = 0; second < 4; second += 1) stage.window(0, second);
    stage.say({ type: 'ack', stream: STREAM, upTo: 1 });
    stage.pushed.length = 0;
    stage.say({ type: 'resend', stream: STREAM, from: 3 });
    expect(numbers(stage)).toEqual([3]);
    stage.say({ type: 'resend', stream: STREAM, from: 0 });
    expect(numbers(stage)).toEqual([3, 2, 3]);
    expect(stage.done('outbox.forget')).toEqual([{ type: 'outbox.forget', stream: STREAM, upTo: 1 }]);
  });

  it('send again when nothing was acknowledged for five seconds', () => {
    const stage = new Stage().running().window(0, 0).advance(3_000).window(0, 1);
    stage.pushed.length = 0;
    stage.advance(1_900);
    expect(numbers(stage)).toEqual([]);
    stage.advance(200);
    expect(numbers(stage)).toEqual([0, 1]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 0 });
    stage.pushed.length = 0;
    stage.advance(4_900);
    expect(numbers(stage)).toEqual([]);
    stage.advance(200);
    expect(numbers(stage)).toEqual([1]);
  });

  it('wait while there is no broker, and lose nothing', () => {
    const stage = new Stage().running();
    stage.broker = null;
    stage.event({ type: 'link.refused' }).window(0, 0).window(0, 1);
    expect(numbers(stage)).toEqual([]);
    stage.broker = { boot: 'c'.repeat(32), offsetMs: 0, grant: null };
    stage.event({ type: 'link.up' });
    expect(numbers(stage)).toEqual([0, 1]);
  });

  it('thin raw rows when the disk fills up; windows are all kept', () => {
    const stage = new Stage({ limits: { diskBytes: 20_000 } }).running();
    stage.broker = null;
    stage.event({ type: 'link.refused' });
    for (let second = 0; second < 25; second += 1) stage.window(0, second, rows(8, second));
    const kept = stage.kept.get(STREAM) ?? [];
    expect(kept.filter(({ header }) => header.kind === 'window')).toHaveLength(25);
    const left = kept.flatMap(({ header, payload }) =>
      header.kind === 'samples' ? [decodeNative(SamplesPayload, payload).rows] : [],
    );
    expect([...new Set(left)]).toEqual([8, 6, 3, 2]);
    expect(left.length).toBeLessThan(25);
    expect(stage.done('log').some(({ level, message }) => level === 'warn' && message.includes('outbox'))).toBe(true);
  });

  it('with a full disk go from memory, and a run that would fill that too ends with a clear error', () => {
    const stage = new Stage({ limits: { memoryBytes: 1_000 } }).running();
    stage.writes = false;
    stage.event({ type: 'outbox.disk', full: true, waitingBytes: 0, why: 'no room' }).window(0, 0);
    expect(numbers(stage)).toEqual([0]);
    expect(stage.done('log').at(-1)).toMatchObject({ level: 'error', message: 'no room' });
    stage.event({ type: 'outbox.disk', full: true, waitingBytes: 2_000, why: 'no room' }).window(0, 1);
    expect(stage.last('fault')).toMatchObject({ code: 'DISK_FULL', fatal: true });
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed' });
    expect(numbers(stage)).toEqual([0, 1, 2]);
  });

  it('of earlier boots are closed with a note of what is lost, and sent under their own names', () => {
    const stage = new Stage({ saved: old(false) });
    stage.kept.set(OLD_STREAM, []);
    stage.event({ type: 'start' });
    const end = stage.kept.get(OLD_STREAM)?.at(-1);
    expect(end?.header).toEqual({
      stream: OLD_STREAM,
      number: 6,
      kind: 'end',
      run: OLD_RUN,
      agent: agentId('node-1', OLD_BOOT),
      worker: 0,
      last: true,
    });
    expect(decodeNative(EndPayload, end?.payload ?? new Uint8Array())).toMatchObject({
      outcome: 'failed',
      gaps: [{ worker: EVERY_WORKER, why: expect.stringContaining('lost') }],
    });
    stage.event({ type: 'link.up' });
    expect(stage.last('hello').streams).toEqual([{ stream: OLD_STREAM, last: 6 }]);
    expect(stage.done('outbox.send').map(({ number }) => number)).toEqual([4, 5, 6]);
    stage.say({ type: 'ack', stream: OLD_STREAM, upTo: 6 });
    expect(stage.done('outbox.delete')).toEqual([{ type: 'outbox.delete', stream: OLD_STREAM }]);
  });

  it('of earlier boots that are closed already are only sent', () => {
    const stage = new Stage({ saved: old(true) }).signedOn();
    expect(stage.done('outbox.append')).toEqual([]);
    expect(stage.done('outbox.send').map(({ number }) => number)).toEqual([4, 5]);
  });

  it('take no window after their last batch', () => {
    const stage = new Stage().running().exit(0, exitOf('signal')).window(1, 5);
    expect(stage.kept.get(STREAM)?.map(({ header }) => header.kind)).toEqual(['end']);
    expect(RUN).toBe(stage.view.run?.id);
  });
});
