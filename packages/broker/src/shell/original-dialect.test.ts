import type { Endpoints } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOriginal } from './original-dialect.js';

const endpoints = { frontend: 'tcp://127.0.0.1:1', backend: 'tcp://127.0.0.1:2' } as Endpoints;
const view = {
  endpoints: () => endpoints,
  version: () => '0.1.0',
  agents: () => [{ id: 'web-7.3f9c2a', pid: 42, hostname: 'web-7' }],
};
const ask = (text: string): unknown => JSON.parse(answerOriginal(Buffer.from(text), view).toString());
const agents = { 'web-7.3f9c2a': { pid: 42, hostname: 'web-7', agent_id: 'web-7.3f9c2a' } };

describe('a question in the dialect of the original', () => {
  it('PING is answered with pid, endpoints and agents', () => {
    expect(ask('{"command":"PING"}')).toEqual({ result: { pid: process.pid, endpoints, agents } });
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
    expect(ask('{}')).toMatchObject({ error: expect.stringContaining('command') });
    expect(ask('[1]')).toMatchObject({ error: expect.any(String) });
    expect(ask('{"command":"CTRL_RUN"}')).toMatchObject({ error: expect.stringMatching(/^unknown command CTRL_RUN/) });
  });

  it('of any kind gets one answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const answer = ask(text) as Record<string, unknown>;
        expect(Object.keys(answer)).toHaveLength(1);
        expect('result' in answer || typeof answer.error === 'string').toBe(true);
      }),
    );
  });
});
