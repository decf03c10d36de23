import { CODES, type Code, EXIT, exitCodeOf, MusterError } from '@muster/protocol';
import { describe, expect, it } from 'vitest';

describe('an error', () => {
  it('says its code, what happened and what to do', () => {
    const cause = new Error('below');
    const error = new MusterError('DISK_FULL', 'no room on /data', {
      hint: 'remove old runs',
      cause,
      details: { free: 0 },
    });
    expect(error.message).toBe('[DISK_FULL] no room on /data (remove old runs)');
    expect(error).toMatchObject({ code: 'DISK_FULL', hint: 'remove old runs', details: { free: 0 }, cause });
  });

  it('comes back from the wire as it was', () => {
    const error = new MusterError('RUN_UNKNOWN', 'no such run', { hint: 'ask `runs`', details: [1] });
    const back = MusterError.fromWire(error.toWire());
    expect(back.message).toBe(error.message);
    expect(back.toWire()).toEqual(error.toWire());
    expect(new MusterError('CLOSED', 'x').toWire()).toEqual({ code: 'CLOSED', message: '[CLOSED] x' });
  });

  it('of a code that this version does not know keeps that in its message', () => {
    for (const code of ['FROM_THE_FUTURE', 'constructor', '__proto__']) {
      const error = MusterError.fromWire({ code, message: 'boom' });
      expect(error.code).toBe('INTERNAL');
      expect(error.message).toContain(`${code}: boom`);
    }
  });

  it('is known across two copies of this package', () => {
    const other = Object.assign(new Error('[CLOSED] x'), { name: 'MusterError', code: 'CLOSED' });
    expect(other instanceof MusterError).toBe(true);
    expect(MusterError.from(other)).toBe(other);
    for (const none of [null, 'x', new Error('x'), { name: 'MusterError' }])
      expect(none instanceof MusterError).toBe(false);
  });

  it('is made of anything thrown', () => {
    expect(MusterError.from('text').message).toBe('[INTERNAL] text');
    const cause = new TypeError('no');
    expect(MusterError.from(cause, 'STORE_FAILED')).toMatchObject({ code: 'STORE_FAILED', cause });
  });

  it('of every code has a meaning and an exit code of the table', () => {
    const exits = new Set<number>(Object.values(EXIT));
    for (const code of Object.keys(CODES) as Code[]) {
      expect(CODES[code].length).toBeGreaterThan(10);
      expect(exits.has(exitCodeOf(code)), code).toBe(true);
      expect(exitCodeOf(code), code).not.toBe(EXIT.passed);
    }
    expect(exitCodeOf('FILE_NOT_FOUND')).toBe(104);
    expect(exitCodeOf('SETUP_FAILED')).toBe(107);
    expect(exitCodeOf('TEST_ABORTED')).toBe(108);
    expect(exitCodeOf('AGENTS_LOST')).toBe(121);
    expect(exitCodeOf('BROKER_UNREACHABLE')).toBe(122);
  });
});
