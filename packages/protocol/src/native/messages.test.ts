import {
  AgentMessage,
  agentId,
  BatchHeader,
  BrokerMessage,
  ClientMessage,
  decodeNative,
  EndPayload,
  encodeNative,
  runOfStream,
  SAMPLE_COLUMNS,
  SamplesPayload,
  streamId,
  WindowPayload,
} from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';

const run = '0198f3a2-7c1e-7b64-9a51-3f0a2d6c8e10';
const boot = 'ab'.repeat(16);
const stream = streamId(boot, run);
const hash = `sha256:${'0'.repeat(64)}`;
const id = 'q-1';

const FROM_AGENT = [
  {
    type: 'hello',
    node: 'web-7',
    boot,
    version: '0.1.0',
    protocol: [1, 1],
    token: 'secret',
    hostname: 'web-7',
    pid: 1,
    cores: 2,
    workers: 2,
    labels: { zone: 'a' },
    capacity: { memoryBytes: 1 },
    run: { run, generation: -1 },
    streams: [{ stream, last: -1 }],
    original: [run],
  },
  {
    type: 'beat',
    seq: 0,
    sentMs: 1.5,
    lagMs: 0,
    cpu: 0.1,
    rssBytes: 1,
    vus: 0,
    outboxBytes: 0,
    clock: { offsetMs: -1, boundMs: 2 },
  },
  {
    type: 'prepared',
    run,
    options: { vus: 1 },
    functions: ['default'],
    metrics: [{ name: 'm', type: 'trend', isTime: true }],
  },
  { type: 'ready', run },
  { type: 'plan.ack', run, generation: 0 },
  { type: 'started', run, atMs: 0.3 },
  { type: 'finished', run, outcome: 'done', streams: [{ stream, last: 7 }] },
  { type: 'claim', id, run, name: 'rows', mode: 'at-most-once', count: 100, confirmed: 0 },
  { type: 'once.get', id, run, name: 'setup' },
  { type: 'once.put', id, run, name: 'setup', value: { token: [1, null, 'x'] } },
  { type: 'barrier.arrive', id, run, name: 'load-done' },
  { type: 'slot.released', run },
  { type: 'log', run, worker: 0, level: 'info', message: 'hello' },
  { type: 'fault', run, phase: 'setup', code: 'SETUP_FAILED', message: 'boom', where: 'a.ts:1:2', fatal: true },
  { type: 'bundle.get', id, hash, offset: 0 },
  {
    type: 'original.reply',
    id,
    message: { result: { command: '_STATUS', status: { '12': { status: 'running', run_id: run } } }, pid: 1 },
  },
];
const TO_AGENT = [
  {
    type: 'welcome',
    boot,
    version: '0.1.0',
    protocol: 1,
    agent: agentId('web-7', boot),
    receiver: 'tcp://127.0.0.1:7783',
    beatMs: 500,
    leaseMs: 1_500,
    lostMs: 2_000,
  },
  { type: 'refuse', code: 'VERSION_MISMATCH', message: 'no', protocol: [1, 1] },
  { type: 'beat', seq: 0, sentMs: 1, receivedMs: 2, answeredMs: 3, grant: { run, generation: 1, untilMs: 4.5 } },
  {
    type: 'prepare',
    run,
    name: 'a.ts',
    bundle: { hash, size: 1 },
    env: { A: 'b' },
    seed: 1,
    raw: 'thinned',
    orphan: { mode: 'continue', leaseMs: 60_000 },
  },
  { type: 'plan', run, generation: 0, fromMs: 0, startAtMs: null, members: ['web-7.ababab'], options: {} },
  { type: 'stop', run, reason: 'enough' },
  { type: 'abort', run, reason: 'enough' },
  { type: 'ack', stream, upTo: 7 },
  { type: 'resend', stream, from: 3 },
  { type: 'forget', run },
  { type: 'summarize', run, summary: {} },
  { type: 'reply', id, result: { from: 0, count: 100, exhausted: false } },
  { type: 'drain' },
  { type: 'original', id, message: { command: 'RUN', run_id: run, args: { hits: '10', users: '2' }, agents: 2 } },
];
const FROM_CLIENT = [
  { type: 'ping', id },
  { type: 'bundle.has', id, hash },
  { type: 'bundle.put', id, hash, size: 3, offset: 0, data: Buffer.from([1, 2, 3]) },
  {
    type: 'submit',
    id,
    bundle: hash,
    name: 'a.ts',
    options: { vus: 1 },
    env: {},
    agents: 2,
    raw: 'all',
    minCoverage: 0.95,
    settleMs: 0,
    orphan: { mode: 'stop', leaseMs: 0 },
    seed: 1,
    observers: ['console'],
  },
  { type: 'attach', id, run, since: 3 },
  { type: 'steer', id, run, action: 'pause', value: 1 },
  { type: 'stop', id, run, reason: 'enough', force: true },
  { type: 'runs', id, limit: 10 },
  { type: 'show', id, run },
  { type: 'agents', id },
  { type: 'query', id, run, table: 'windows', start: 0, size: 10 },
  { type: 'annotate', id, run, text: 'deployed' },
  { type: 'drain', id, agent: 'web-7' },
  { type: 'cancel', id, request: 'q-0' },
];

describe.each([
  ['an agent', AgentMessage, FROM_AGENT],
  ['the broker to an agent', BrokerMessage, TO_AGENT],
  ['a client', ClientMessage, FROM_CLIENT],
] as [string, z.ZodDiscriminatedUnion, readonly { readonly type: string }[]][])(
  'everything said by %s',
  (_, schema, samples) => {
    it('has an example here', () => {
      const types = schema.options.map(
        (option) => (option as unknown as { shape: { type: { value: string } } }).shape.type.value,
      );
      expect(samples.map(({ type }) => type).sort()).toEqual([...types].sort());
    });

    it.each(samples.map((sample) => [sample.type, sample] as const))('%s comes back as it was', (type, sample) => {
      expect(decodeNative(schema, encodeNative(sample))).toEqual(sample);
      expect(() => decodeNative(schema, encodeNative({ ...sample, unheardOf: 1 }))).toThrow(
        `a "${type}" message does not fit`,
      );
    });
  },
);

describe('a batch', () => {
  it('comes back as it was', () => {
    const header = { stream, number: 0, kind: 'window', run, agent: 'web-7.ababab', worker: 1, last: false };
    expect(decodeNative(BatchHeader, encodeNative(header))).toEqual(header);
    expect(runOfStream(stream)).toBe(run);
    const window = {
      second: 3,
      sealedToMs: 4_000,
      series: [{ metric: 'http_reqs', tags: {}, sink: Buffer.from([1]) }],
      errors: [
        { code: 'ECONNRESET', message: 'm', where: null, scenario: 'default', count: 1, firstAtMs: 1, lastAtMs: 2 },
      ],
      rows: { measured: 2, kept: 1 },
      logs: [{ atMs: 1, level: 'warn', message: 'm' }],
    };
    expect(decodeNative(WindowPayload, encodeNative(window))).toEqual(window);
    const end = { outcome: 'failed', gaps: [{ worker: 0, fromMs: 1, toMs: 2, why: 'died' }] };
    expect(decodeNative(EndPayload, encodeNative(end))).toEqual(end);
  });

  it('carries its columns as bytes', () => {
    const columns = SAMPLE_COLUMNS.map(({ name, type }) => ({
      name,
      type,
      data: Buffer.alloc(type === 'f64' ? 16 : type === 'u8' ? 2 : 8),
      ...(type === 'dict' ? { values: ['a', ''] } : {}),
    }));
    expect(decodeNative(SamplesPayload, encodeNative({ rows: 2, columns }))).toEqual({ rows: 2, columns });
  });
});
