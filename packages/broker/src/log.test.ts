import { MusterError } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { errorForLog } from './log.js';

describe('an error in the log', () => {
  it('is its words alone where the disk is full: that is said for each batch', () => {
    const full = new MusterError('DISK_FULL', 'no space left on device');
    expect(errorForLog(full)).toEqual({ code: 'DISK_FULL', message: '[DISK_FULL] no space left on device' });
  });

  it('has its place in our code where that may be to blame', () => {
    expect(errorForLog(new MusterError('INTERNAL', 'oh'))).toMatchObject({
      stack: expect.stringContaining('log.test'),
    });
    expect(errorForLog(new TypeError('oh'))).toMatchObject({ type: 'TypeError', stack: expect.any(String) });
  });
});
