import type { Endpoints } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOriginal } from './original-dialect.js';

const endpoints = { frontend: 'tcp://127.0.0.1:1', backend: 'tcp://127.0.0.1:2' } as Endpoints;
const view = {
  endpoints: () => endpoints,
  version: () => '0.1.0',
  agents: () => [
    { agent: 'web-7.3f9c2a', pid: 42, hostname: 'web-7' },
    { agent: '15872', pid: '15872', hostname: null },
  ],
};
const read = (text: string) => readOriginal(Buffer.from(text), view);
const ask = (text: string): unknown => {
  const asked = read(text);
  return 'answer' in asked ? JSON.parse(asked.answer.toString()) : asked.question.name;
};
const agents = {
  'web-7.3f9c2a': { pid: 42, hostname: 'web-7', agent_id: 'web-7.3f9c2a' },
  '15872': { pid: '15872', hostname: '?', agent_id: '15872' },
};

describe('a question in the dialect of the original', () => {
  it('PING is answered with pid, endpoints and agents', () => {
    expect(ask('{"command":"PING"}')).toEqual({ result: { pid: process.pid, endpoints, agents } });
    expect(ask('{ "command" : "PING" }')).toEqual(ask('{"command":"PING"}'));
  });

  it('PING of a native peer is told which versions there are', () => {
    expect(ask('{"command":"PING","native":[1,1]}')).toEqual({
      result: { pid: process.pid, endpoints, agents, native: [1, 1], version: '0.1.0' },
    });
  });

  it('LIST gives the agents', () => {
    expect(ask('{"command":"LIST"}')).toEqual({ result: agents });
  });

  it('that nobody knows is named, one that does not parse is told so, one without a command is answered too', () => {
    expect(ask('{"command":"FLY"}')).toEqual({ error: 'unknown command FLY' });
    expect(ask('{"command":')).toEqual({ error: 'Invalid JSON received.' });
    expect(ask('')).toEqual({ error: 'Invalid JSON received.' });
    expect(ask('{}')).toEqual({ error: [expect.stringContaining('command')] });
    expect(ask('[1]')).toEqual({ error: [expect.any(String)] });
  });

  it('that names no command of the controller is told what the original says, whatever methods we have', () => {
    for (const name of ['FLY', 'UNREGISTER_AGENTS', 'CLEAN', '__INIT__', 'AGENT_FLY', 'constructor'])
      expect(ask(`{"command":"CTRL_${name}"}`)).toEqual({ error: ['nope', `unknown command CTRL_${name}`] });
  });

  it('that lacks a field, or has one of another type, gets a list as where the original had an exception', () => {
    expect(ask('{"command":"CTRL_STOP_RUN"}')).toEqual({ error: [expect.stringContaining('run_id')] });
    expect(ask('{"command":"GET_COUNTS","run_id":"../x"}')).toEqual({ error: [expect.stringContaining('run_id')] });
    expect(ask('{"command":"CTRL_RUN","args":{}}')).toEqual({ error: [expect.stringContaining('agents')] });
    expect(ask('{"command":"CTRL_RUN","agents":"1","args":{}}')).toEqual({ error: [expect.any(String)] });
    expect(ask('{"command":"CTRL_RUN","agents":1}')).toEqual({ error: [expect.stringContaining('args')] });
  });

  it('that only a RUN may be so large is refused', () => {
    const large = (command: string) =>
      JSON.stringify({ command, agents: 1, args: {}, filedata: 'A'.repeat(2_000_000) });
    expect(ask(large('CTRL_RUN'))).toBe('CTRL_RUN');
    expect(ask(large('LIST'))).toEqual({ error: [expect.stringContaining('bytes')] });
  });

  it.each([
    ['RUN', 'CTRL_RUN', { agents: 1, args: {} }],
    ['LISTRUNS', 'CTRL_LIST_RUNS', {}],
    ['STOPRUN', 'CTRL_STOP_RUN', { run_id: 'a-1' }],
    ['GET_DATA', 'CTRL_GET_DATA', { run_id: 'a-1', start: '5', size: 10 }],
    ['GET_METADATA', 'CTRL_GET_METADATA', { run_id: 'a-1' }],
    ['STATUS', 'CTRL_AGENT_STATUS', { agent_id: 15_872 }],
    ['QUIT', 'CTRL_AGENT_QUIT', { agent_id: 'vm-1' }],
  ])('of an older generation, %s, is %s', (older, newest, fields) => {
    expect(ask(JSON.stringify({ command: older, ...fields }))).toBe(newest);
    expect(ask(JSON.stringify({ command: newest, ...fields }))).toBe(newest);
  });

  it('of any kind gets one answer, or is a question that somebody answers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const answer = ask(text) as Record<string, unknown>;
        expect(Object.keys(answer)).toHaveLength(1);
        expect('result' in answer || 'error' in answer).toBe(true);
      }),
    );
  });
});
