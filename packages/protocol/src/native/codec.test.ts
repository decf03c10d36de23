import {
  AgentMessage,
  BatchHeader,
  ClientMessage,
  decodeNative,
  encodeNative,
  isNative,
  MusterError,
  unpackNative,
} from '@muster/protocol';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';

const beat = {
  type: 'beat',
  seq: 1,
  sentMs: 12.5,
  lagMs: 0,
  cpu: 0.5,
  rssBytes: 1_000,
  vus: 3,
  outboxBytes: 0,
  clock: null,
};
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof MusterError) return thrown.code;
    throw thrown;
  }
  return 'none';
};

describe('the native codec', () => {
  it('brings a message back as it was', () => {
    expect(decodeNative(AgentMessage, encodeNative(beat))).toEqual(beat);
    expect(isNative(encodeNative(beat))).toBe(true);
    expect(isNative(Buffer.from('{"command":"PING"}'))).toBe(false);
  });

  it('brings any plain data back', () => {
    // A member called `__proto__` comes back under another name: on no account may it be one.
    const data = fc
      .dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 })
      .filter((value) => !JSON.stringify(value).includes('__proto__'));
    fc.assert(
      fc.property(data, (value) => {
        expect(unpackNative(encodeNative({ value }))).toEqual(
          JSON.parse(JSON.stringify({ value }, (_, v) => (Object.is(v, -0) ? 0 : v))),
        );
      }),
    );
  });

  it('keeps bytes as bytes, also of typed arrays that share a buffer', () => {
    const column = new Float64Array([1.5, -2, 3]);
    const back = unpackNative(encodeNative({ data: new Uint8Array(column.buffer) })) as { data: Uint8Array };
    expect(new Float64Array(back.data.slice().buffer)).toEqual(column);
  });

  it('says where a message does not fit, with the id of a question', () => {
    const asked = encodeNative({ type: 'submit', id: 'q1', bundle: 'nonsense', name: 'x' });
    expect(() => decodeNative(ClientMessage, asked)).toThrow(/bundle: must be sha256/);
    try {
      decodeNative(ClientMessage, asked);
    } catch (thrown) {
      expect((thrown as MusterError).details).toEqual({ id: 'q1' });
    }
  });

  it('leaves out what is undefined and takes nothing for a prototype', () => {
    expect(unpackNative(encodeNative({ a: undefined, b: { c: undefined, d: null } }))).toEqual({ b: { d: null } });
    const hostile = encodeNative(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'));
    expect(hostile.includes('__proto__')).toBe(true);
    const back = unpackNative(hostile) as Record<string, unknown>;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(back.polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('refuses at the sender what the other side would refuse', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    let deep: unknown = 1;
    for (let n = 0; n < 100; n += 1) deep = [deep];
    for (const bad of [circle, { deep }, { at: new Date() }, { big: 2n ** 80n }])
      expect(codeOf(() => encodeNative(bad))).toBe('BAD_MESSAGE');
  });

  it('bounds size and nesting before it unpacks', () => {
    let deep: unknown = 1;
    for (let n = 0; n < 100; n += 1) deep = [deep];
    expect(codeOf(() => unpackNative(new Packr({ useRecords: false }).pack({ deep })))).toBe('BAD_MESSAGE');
    expect(codeOf(() => unpackNative(encodeNative({ text: 'x'.repeat(100) }), 50))).toBe('MESSAGE_TOO_LARGE');
    expect(codeOf(() => unpackNative(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])))).toBe('BAD_MESSAGE');
  });

  it('answers any bytes with a message or a MusterError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const schema of [AgentMessage, ClientMessage, BatchHeader])
          expect(['none', 'BAD_MESSAGE']).toContain(codeOf(() => decodeNative(schema, bytes)));
      }),
    );
  });

  it('answers a damaged message likewise', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (at, value) => {
        const bytes = encodeNative(beat);
        bytes[at % bytes.length] = value;
        expect(['none', 'BAD_MESSAGE']).toContain(codeOf(() => decodeNative(AgentMessage, bytes)));
      }),
    );
  });
});
