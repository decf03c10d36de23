import { describe, expect, it } from 'vitest';
import { crc32, crc32ByTable } from './crc32.js';

describe('the checksum', () => {
  it.each([
    ['as Node has it', crc32],
    ['by its table', crc32ByTable],
  ])('is CRC-32, %s', (_, sum) => {
    expect(sum(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(sum(Buffer.alloc(0))).toBe(0);
  });
});
