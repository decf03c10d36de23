import {
  AgentAnswer,
  BOUNDS,
  decodeOriginal,
  encodeOriginal,
  INVALID_JSON,
  isWorking,
  ListRunsResult,
  MusterError,
  nativePing,
  newestName,
  OriginalAnswer,
  OriginalPingResult,
  originalError,
  readAgentAnswer,
  readQuestion,
  readRegisterInfo,
  readResult,
  readUnregister,
  rowsOf,
} from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const text = (message: unknown) => Buffer.from(JSON.stringify(message));
const errorOf = (act: () => unknown): MusterError | null => {
  try {
    act();
    return null;
  } catch (thrown) {
    if (thrown instanceof MusterError) return thrown;
    throw thrown;
  }
};

describe('a question of the original', () => {
  it('of any generation has one newest name', () => {
    expect(newestName({ command: 'RUN' })).toBe('CTRL_RUN');
    expect(newestName({ command: 'LISTRUNS' })).toBe('CTRL_LIST_RUNS');
    expect(newestName({ command: 'STATUS', agent_id: '1' })).toBe('CTRL_AGENT_STATUS');
    expect(newestName({ command: 'RUN', agent_id: 7 })).toBe('CTRL_AGENT_RUN');
    expect(newestName({ command: 'CTRL_GET_DATA' })).toBe('CTRL_GET_DATA');
    expect(newestName({ command: 'CTRL_get_Data' })).toBe('CTRL_GET_DATA');
    expect(newestName({ command: 'list' })).toBe('list');
    expect(newestName({ command: 'constructor' })).toBe('constructor');
  });

  it('is read with the fields that belong to it, and lets others through', () => {
    expect(readQuestion(text({ command: 'PING' }))).toEqual({ name: 'PING', fields: { command: 'PING' } });
    expect(readQuestion(nativePing([1, 2])).fields).toMatchObject({ native: [1, 2] });
    expect(readQuestion(text({ command: 'RUN', agents: 3, args: { hits: '10' }, extra: 1 }))).toEqual({
      name: 'CTRL_RUN',
      fields: { command: 'RUN', agents: 3, args: { hits: '10' }, extra: 1 },
    });
    expect(readQuestion(text({ command: 'CTRL_GET_DATA', run_id: 'ab-1', start: '5', size: 10 })).fields).toMatchObject(
      {
        start: 5,
        size: 10,
      },
    );
    expect(readQuestion(text({ command: 'QUIT', agent_id: 15_872, force: true }))).toMatchObject({
      name: 'CTRL_AGENT_QUIT',
      fields: { agent_id: '15872', force: true },
    });
  });

  it('that is none is refused in the words of the original', () => {
    expect(errorOf(() => readQuestion(Buffer.from('nope')))?.message).toContain(INVALID_JSON);
    expect(errorOf(() => readQuestion(text({ command: 'CTRL_UNREGISTER_AGENTS' })))?.message).toContain(
      'unknown command CTRL_UNREGISTER_AGENTS',
    );
    expect(errorOf(() => readQuestion(text({ command: 'constructor' })))?.code).toBe('UNKNOWN_COMMAND');
    expect(errorOf(() => readQuestion(text({})))?.message).toContain('command');
    expect(errorOf(() => readQuestion(text({ command: 'STOPRUN', run_id: '../x' })))?.message).toContain('run_id');
  });

  it('made of any bytes is read or refused with an error of ours', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => Buffer.from(json)),
    );
    fc.assert(
      fc.property(bytes, (payload) => {
        for (const read of [readQuestion, readResult, readRegisterInfo, readUnregister, readAgentAnswer])
          expect(['BAD_MESSAGE', 'UNKNOWN_COMMAND', undefined]).toContain(errorOf(() => read(payload))?.code);
      }),
    );
  });
});

describe('the codec of the original', () => {
  it('bounds size and nesting before it parses', () => {
    const deep = (depth: number) => Buffer.from(`{"result":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    expect(errorOf(() => decodeOriginal(OriginalAnswer, deep(31)))).toBeNull();
    expect(errorOf(() => decodeOriginal(OriginalAnswer, deep(32)))?.code).toBe('BAD_MESSAGE');
    expect(errorOf(() => decodeOriginal(OriginalAnswer, deep(100_000)))?.message).toContain('nested');
    expect(errorOf(() => decodeOriginal(OriginalAnswer, Buffer.alloc(BOUNDS.controlBytes + 1)))?.code).toBe(
      'MESSAGE_TOO_LARGE',
    );
  });

  it('does not take brackets and quotes inside strings for nesting', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', 'x') }), (result) => {
        expect(decodeOriginal(OriginalAnswer, text({ result }))).toEqual({ result });
      }),
    );
  });

  it('takes nothing for a prototype, however it is written', () => {
    for (const name of ['__proto__', '\\u005f_proto__']) {
      const back = decodeOriginal(OriginalAnswer, Buffer.from(`{"result":{"${name}":{"polluted":1}}}`));
      expect(back).toEqual({ result: {} });
      expect(Object.hasOwn((back as { result: object }).result, '__proto__')).toBe(false);
    }
  });

  it('knows results and both forms of errors', () => {
    for (const answer of [{ result: null }, { result: { a: 1 } }, { error: 'no' }, { error: ['no', 'line 1'] }])
      expect(decodeOriginal(OriginalAnswer, encodeOriginal(answer))).toEqual(answer);
    expect(errorOf(() => decodeOriginal(OriginalAnswer, text({ error: { deep: 1 } })))?.code).toBe('BAD_MESSAGE');
    expect(originalError('[NOT_ENOUGH_AGENTS] Not enough agents')).toEqual({ error: 'Not enough agents' });
  });

  it('reads the answers that the original gave', () => {
    const pong =
      '{"pid":15723,"endpoints":{"frontend":"tcp:\\/\\/127.0.0.1:7780"},"agents":{"vm-15872":{"pid":15872,"hostname":"vm","agent_id":"vm-15872"}}}';
    expect(decodeOriginal(OriginalPingResult, Buffer.from(pong))).toMatchObject({
      endpoints: { frontend: 'tcp://127.0.0.1:7780' },
    });
    expect(decodeOriginal(OriginalPingResult, text({ pid: 1, endpoints: {}, agents: ['15872'] }))).toMatchObject({
      agents: ['15872'],
    });
    expect(decodeOriginal(ListRunsResult, text({ r1: [['vm-1', 1_384.5]] }))).toEqual({ r1: [['vm-1', 1_384.5]] });
  });
});

describe('an agent of the original', () => {
  it('signs on and off in the words of each generation', () => {
    const info = { pid: 15_872, hostname: 'vm', agent_id: 'vm-15872' };
    expect(readRegisterInfo(text(info))).toEqual({ agent: 'vm-15872', pid: 15_872, hostname: 'vm' });
    expect(readRegisterInfo(text({ pid: 15_872, hostname: 'vm' })).agent).toBe('15872');
    for (const bare of ['15872', 'vm-15872', '"vm-15872"']) {
      expect(readRegisterInfo(Buffer.from(bare)).agent).toBe(bare.replaceAll('"', ''));
      expect(readUnregister(Buffer.from(bare))).toBe(bare.replaceAll('"', ''));
    }
    expect(errorOf(() => readRegisterInfo(Buffer.from('')))?.code).toBe('BAD_MESSAGE');
    expect(errorOf(() => readRegisterInfo(Buffer.alloc(BOUNDS.controlBytes + 1, 'x')))?.code).toBe('MESSAGE_TOO_LARGE');
  });

  it('works while one of its workers does', () => {
    expect(isWorking({})).toBe(false);
    expect(isWorking({ '12': 'terminated', '13': { status: 'running', run_id: 'r' } })).toBe(true);
    expect(isWorking({ '12': 'running' })).toBe(true);
    expect(isWorking({ '12': { status: 'terminated' } })).toBe(false);
  });

  it('answers with a status, process ids or an error', () => {
    const status = { '12': { status: 'running', run_id: 'r' } };
    for (const answer of [
      { result: { status, command: '_STATUS' }, hostname: 'vm', agent_id: 'vm-1', pid: 1 },
      { result: { pids: [12], agent_id: 'vm-1', command: 'RUN' }, hostname: 'vm', agent_id: 'vm-1', pid: 1 },
      { error: { agent_id: 'vm-1', error: 'boom\nline' } },
    ])
      expect(readAgentAnswer(text(answer))).toEqual(AgentAnswer.parse(answer));
  });
});

describe('results of the original', () => {
  const status = [2, 2, 1, 0];

  it('come in batches that become rows of the envelope’s run and agent', () => {
    const batch = {
      data_type: 'batch',
      agent_id: 'vm-15872',
      hostname: 'vm',
      run_id: 'b646',
      counts: {
        startTestRun: [{}],
        startTest: [
          { test: 'a (b.C)', loads_status: status },
          { test: 'd', loads_status: ['2', '2', '1', '1'] },
        ],
        'my-counter': [{ test: 'a', loads_status: status, agent_id: 'None' }],
        add_hit: [
          {
            url: 'http://x/',
            method: 'GET',
            status: 200,
            started: '2013-08-23T10:00:00',
            elapsed: 0.1,
            loads_status: status,
          },
          { url: 'no status' },
        ],
      },
    };
    const { rows, bad } = rowsOf(readResult(text(batch)));
    expect(bad).toBe(1);
    expect(rows.map(({ data_type }) => data_type)).toEqual([
      'startTestRun',
      'startTest',
      'startTest',
      'my-counter',
      'add_hit',
    ]);
    expect(rows.every((row) => row.run_id === 'b646' && row.agent_id === 'vm-15872')).toBe(true);
  });

  it('come one by one from other programs', () => {
    const row = {
      data_type: 'addError',
      agent_id: 7,
      run_id: 'r',
      test: 't',
      exc_info: ['T', 'boom', 'line'],
      loads_status: status,
    };
    expect(rowsOf(readResult(text(row)))).toEqual({ rows: [row], bad: 0 });
    expect(rowsOf(readResult(text({ data_type: 'socket_message' })))).toMatchObject({ rows: [], bad: 1 });
    expect(errorOf(() => readResult(text({ data_type: 'batch', counts: [] })))?.code).toBe('BAD_MESSAGE');
  });
});
