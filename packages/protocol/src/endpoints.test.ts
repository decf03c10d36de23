import { formatEndpoint, isLoopback, negotiate, parseEndpoint, requireLoopback } from '@muster/protocol';
import { describe, expect, it } from 'vitest';

describe('endpoints', () => {
  it('are read and written', () => {
    for (const text of [
      'tcp://127.0.0.1:7780',
      'tcp://[::1]:1',
      'tcp://host.example:65535',
      'ipc:///tmp/a.ipc',
      'tcp://127.0.0.1:*',
    ]) {
      expect(formatEndpoint(parseEndpoint(text))).toBe(text);
    }
    for (const bad of ['', '127.0.0.1:7780', 'tcp://a', 'tcp://a:99999', 'http://a:1', 'ipc://', 'tcp://a b:1'])
      expect(() => parseEndpoint(bad)).toThrow('[BAD_ENDPOINT]');
  });

  it('off loopback need --insecure', () => {
    for (const near of ['tcp://127.0.0.1:1', 'tcp://127.8.9.10:1', 'tcp://[::1]:1', 'tcp://localhost:1', 'ipc:///x'])
      expect(isLoopback(parseEndpoint(near))).toBe(true);
    for (const far of [
      'tcp://0.0.0.0:1',
      'tcp://10.0.0.1:1',
      'tcp://*:1',
      'tcp://127.evil.com:1',
      'tcp://1127.0.0.1:1',
    ]) {
      expect(() => requireLoopback(far, false)).toThrow('[NOT_LOOPBACK]');
      expect(requireLoopback(far, true).transport).toBe('tcp');
    }
  });
});

describe('versions', () => {
  it('take the highest in common and name both ranges otherwise', () => {
    expect(negotiate([1, 3], 'the broker', [2, 5])).toBe(3);
    expect(() => negotiate([1, 1], 'the broker', [2, 5])).toThrow(
      /the broker speaks version 1 .* this side versions 2 to 5/,
    );
  });
});
