import type { Plain } from './garbage.js';

// Messages that fit, to be changed: one of each kind, with every field. None names a peer that must not be disturbed.

export const FUZZ_RUN = '01990000-0000-7000-8000-00000000f022';
export const FUZZ_BOOT = 'f0'.repeat(16);
export const FUZZ_AGENTS: readonly [string, ...string[]] = [
  'fuzz-1',
  'fuzz-2',
  'fuzz-3',
  `fuzz.${FUZZ_BOOT.slice(0, 6)}`,
];
const HASH = `sha256:${'f0'.repeat(32)}`;
const BYTES = Buffer.from('export default () => {};');

/** More agents than a broker may have: whatever else changes, such a run never takes agents from others. */
export const TOO_MANY_AGENTS = 1_000_000;

/** What a client of the original asks. */
export const ORIGINAL_QUESTIONS: readonly [Plain, ...Plain[]] = [
  { command: 'PING', native: [1, 1] },
  { command: 'LIST' },
  { command: 'CTRL_RUN', args: { hits: '1', users: '1', observer: ['console'] }, filedata: 'UEsFBg==', async: true },
  { command: 'RUN', args: {} },
  { command: 'CTRL_LIST_RUNS' },
  { command: 'LISTRUNS' },
  { command: 'CTRL_STOP_RUN', run_id: 'fuzz' },
  { command: 'CTRL_GET_DATA', run_id: 'fuzz', data_type: 'add_hit', groupby: true, start: 0, size: 5 },
  { command: 'GET_DATA', run_id: 'fuzz', start: '0', size: '5' },
  { command: 'CTRL_GET_ERRORS', run_id: 'fuzz', start: 0, size: 5 },
  { command: 'CTRL_GET_COUNTS', run_id: 'fuzz' },
  { command: 'CTRL_GET_URLS', run_id: 'fuzz' },
  { command: 'CTRL_GET_METADATA', run_id: 'fuzz' },
  { command: 'CTRL_GET_RUNS' },
  { command: 'CTRL_UPDATE_METADATA', run_id: 'fuzz', fields: { note: 'x' } },
  { command: 'CTRL_DELETE_RUN', run_id: 'fuzz' },
  { command: 'CTRL_AGENT_STATUS', agent_id: 'fuzz-1' },
  { command: 'CTRL_AGENT_STOP', agent_id: 'fuzz-9', run_id: 'fuzz' },
  { command: 'CTRL_AGENT_QUIT', agent_id: 'fuzz-9', force: true },
  { command: 'CTRL_AGENT_RUN', agent_id: 'fuzz-9', args: { test_runner: 'true' } },
  { command: 'CTRL_UNREGISTER_AGENTS', num: 1 },
];

/** What a native client asks. */
export const NATIVE_QUESTIONS: readonly [Plain, ...Plain[]] = [
  { type: 'ping' },
  { type: 'bundle.has', hash: HASH },
  { type: 'bundle.put', hash: HASH, size: BYTES.byteLength, offset: 0, data: BYTES },
  {
    type: 'submit',
    bundle: HASH,
    name: 'fuzz.ts',
    options: { vus: 1, iterations: 1 },
    env: { A: 'b' },
    agents: TOO_MANY_AGENTS,
    raw: 'all',
    minCoverage: 0.5,
    settleMs: 1,
    orphan: { mode: 'stop', leaseMs: 1 },
    seed: 7,
    observers: ['console'],
  },
  { type: 'attach', run: FUZZ_RUN, since: 1 },
  { type: 'steer', run: FUZZ_RUN, action: 'rate', value: 5 },
  { type: 'stop', run: FUZZ_RUN, reason: 'fuzz', force: true },
  { type: 'runs', limit: 5 },
  { type: 'show', run: FUZZ_RUN },
  { type: 'agents' },
  { type: 'query', run: FUZZ_RUN, table: 'samples', start: 0, size: 5 },
  { type: 'annotate', run: FUZZ_RUN, text: 'x' },
  { type: 'drain', agent: 'fuzz' },
];

/** What a native agent says. */
export const NATIVE_AGENT: readonly [Plain, ...Plain[]] = [
  {
    type: 'hello',
    node: 'fuzz',
    boot: FUZZ_BOOT,
    version: '0.1.0',
    protocol: [1, 1],
    hostname: 'host',
    pid: 1,
    cores: 1,
    workers: 1,
    labels: { a: 'b' },
    capacity: { memoryBytes: 1 },
    run: { run: FUZZ_RUN, generation: 1 },
    streams: [{ stream: `${FUZZ_BOOT}/${FUZZ_RUN}`, last: 3 }],
    original: ['fuzz'],
  },
  { type: 'beat', seq: 1, sentMs: 1, lagMs: 0, cpu: 0, rssBytes: 0, vus: 0, outboxBytes: 0, clock: null },
  { type: 'prepared', run: FUZZ_RUN, options: { vus: 1 }, functions: ['default'], metrics: [] },
  { type: 'ready', run: FUZZ_RUN },
  { type: 'plan.ack', run: FUZZ_RUN, generation: 0 },
  { type: 'started', run: FUZZ_RUN, atMs: 0 },
  {
    type: 'finished',
    run: FUZZ_RUN,
    outcome: 'done',
    streams: [{ stream: `${FUZZ_BOOT}/${FUZZ_RUN}`, last: 3 }],
  },
  { type: 'claim', id: 'c', run: FUZZ_RUN, name: 'x', mode: 'at-most-once', count: 5, confirmed: 0 },
  { type: 'once.get', id: 'o', run: FUZZ_RUN, name: 'setup' },
  { type: 'once.put', id: 'p', run: FUZZ_RUN, name: 'setup', value: { a: 1 } },
  { type: 'barrier.arrive', id: 'b', run: FUZZ_RUN, name: 'x' },
  { type: 'slot.released', run: FUZZ_RUN },
  { type: 'log', run: FUZZ_RUN, worker: 0, level: 'info', message: 'x' },
  { type: 'fault', run: FUZZ_RUN, worker: 0, phase: 'run', code: 'X', message: 'x', where: 'a:1:1', fatal: true },
  { type: 'bundle.get', id: 'g', hash: HASH, offset: 0 },
  { type: 'original.reply', id: 'r', message: { result: { command: '_STATUS', status: {} } } },
];

/** The header of a native batch, and payloads of each kind. */
export const BATCH_HEADER: Plain = {
  stream: `${FUZZ_BOOT}/${FUZZ_RUN}`,
  number: 0,
  kind: 'window',
  run: FUZZ_RUN,
  agent: `fuzz.${FUZZ_BOOT.slice(0, 6)}`,
  worker: 0,
  last: false,
};
export const BATCH_PAYLOADS: readonly [Plain, ...Plain[]] = [
  { second: 0, sealedToMs: 1_000, series: [], errors: [], rows: { measured: 0, kept: 0 }, logs: [] },
  {
    rows: 1,
    columns: [
      { name: 'ended_us', type: 'f64', data: Buffer.alloc(8) },
      { name: 'name', type: 'dict', data: Buffer.alloc(4), values: ['x'] },
    ],
  },
  { outcome: 'done', gaps: [{ worker: 0, fromMs: 0, toMs: 1, why: 'x' }] },
];

const HIT = { url: 'http://x/', method: 'GET', status: 200, started: '2026-01-01T00:00:00', elapsed: 0.1 };
const PLACE = { agent_id: 'fuzz-1', run_id: 'fuzz' };
/** What workers of the original push. */
export const ORIGINAL_RESULTS: readonly [Plain, ...Plain[]] = [
  { data_type: 'add_hit', ...HIT, ...PLACE, loads_status: [1, 1, 1, 1] },
  { data_type: 'addError', test: 't', exc_info: ['a', 'b', 'c'], loads_status: [1, 1, 1, 1], ...PLACE },
  { data_type: 'socket_message', size: 7, ...PLACE },
  { data_type: 'run-finished', run_id: 'fuzz' },
  { data_type: 'batch', ...PLACE, hostname: 'vm', counts: { add_hit: [HIT], mine: [{}, { test: 't' }] } },
];

/** What agents of the original say of themselves, and answer. */
export const ORIGINAL_REGISTRATION: Plain = { pid: 1, hostname: 'vm', agent_id: 'fuzz-1' };
export const ORIGINAL_AGENT: readonly [Plain, ...Plain[]] = [
  { result: { pids: [7], agent_id: 'fuzz-1', command: 'RUN' }, hostname: 'vm', agent_id: 'fuzz-1', pid: 1 },
  {
    result: { status: { '7': { status: 'running', run_id: 'fuzz' } }, command: '_STATUS' },
    agent_id: 'fuzz-1',
    pid: 1,
  },
  { result: { status: { '7': 'terminated' }, command: 'STOP' }, agent_id: 'fuzz-1', pid: 1 },
  { error: { agent_id: 'fuzz-1', error: 'boom\n  File "x"' } },
];

/** What a native broker tells an agent; nothing that would rightly make it leave. */
export const NATIVE_BROKER: readonly [Plain, ...Plain[]] = [
  {
    type: 'welcome',
    boot: FUZZ_BOOT,
    version: '0.1.0',
    protocol: 1,
    agent: 'fuzz',
    receiver: 'tcp://127.0.0.1:1',
    beatMs: 500,
    leaseMs: 1_500,
    lostMs: 2_000,
  },
  {
    type: 'beat',
    seq: 1,
    sentMs: 1,
    receivedMs: 1,
    answeredMs: 1,
    grant: { run: FUZZ_RUN, generation: 1, untilMs: 9 },
  },
  {
    type: 'prepare',
    run: FUZZ_RUN,
    name: 'x.ts',
    bundle: { hash: HASH, size: 24 },
    env: { A: 'b' },
    seed: 1,
    raw: 'all',
    orphan: { mode: 'stop', leaseMs: 1 },
  },
  { type: 'plan', run: FUZZ_RUN, generation: 0, fromMs: 0, startAtMs: null, members: ['fuzz'], options: { vus: 1 } },
  { type: 'plan', run: FUZZ_RUN, generation: 1, fromMs: 0, startAtMs: 5, members: ['fuzz'] },
  { type: 'stop', run: FUZZ_RUN, reason: 'x' },
  { type: 'abort', run: FUZZ_RUN, reason: 'x' },
  { type: 'ack', stream: `${FUZZ_BOOT}/${FUZZ_RUN}`, upTo: 5 },
  { type: 'resend', stream: `${FUZZ_BOOT}/${FUZZ_RUN}`, from: 5 },
  { type: 'forget', run: FUZZ_RUN },
  { type: 'summarize', run: FUZZ_RUN, summary: { a: 1 } },
  { type: 'reply', id: 'x', result: { from: 0, count: 1, exhausted: false } },
  { type: 'original', id: 'x', message: { command: '_STATUS', run_id: 'fuzz' } },
];

/** What a broker of the original tells an agent; programs that end at once, or are none. */
export const ORIGINAL_BROKER: readonly [Plain, ...Plain[]] = [
  { command: '_STATUS', run_id: 'fuzz' },
  { command: 'STATUS' },
  { command: 'STOP', run_id: 'fuzz' },
  {
    command: 'RUN',
    run_id: 'fuzz',
    args: { test_runner: 'true', hits: '1', users: '1' },
    filedata: 'UEsFBg==',
    agents: 1,
  },
  { command: 'RUN', run_id: 'fuzz', args: { fqn: 'a.ts' }, filedata: 'bm8gemlw' },
  { command: 'DANCE', a: 1 },
];
