import { describe, expect, it } from 'vitest';
import { environment, namedBroker, stages, whole } from './flags.js';

describe('flags', () => {
  it('read stages and variables', () => {
    expect(stages(['10s:5,1m:20', '30s:0'])).toEqual([
      { duration: '10s', target: 5 },
      { duration: '1m', target: 20 },
      { duration: '30s', target: 0 },
    ]);
    expect(environment(['A=1=2', 'HOME', 'NONE'], { HOME: '/home/x' })).toEqual({
      A: '1=2',
      HOME: '/home/x',
      NONE: '',
    });
    expect(() => stages(['10s'])).toThrow('[BAD_CONFIG]');
    expect(() => environment(['=x'], {})).toThrow('[BAD_CONFIG]');
    for (const bad of ['', '-1', '1.5', 'ten', '0']) expect(() => whole(1)(bad)).toThrow('whole number');
  });

  it('name a broker before the environment does', () => {
    expect(namedBroker('tcp://a:1', { MUSTER_BROKER: 'tcp://b:1' })).toBe('tcp://a:1');
    expect(namedBroker(undefined, { MUSTER_BROKER: 'tcp://b:1' })).toBe('tcp://b:1');
    expect(namedBroker(undefined, { MUSTER_BROKER: '' })).toBe(null);
  });
});
