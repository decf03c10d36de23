import { describe, expect, it } from 'vitest';
import { plainLine } from './plain-lines.js';

const lineOf = (fields: object) => plainLine(`${JSON.stringify(fields)}\n`);

describe('a line of the log for people', () => {
  it('says when, how bad, who, what, why and of which run', () => {
    const time = new Date(2_026, 0, 2, 3, 4, 5).getTime();
    expect(lineOf({ level: 50, time, pid: 1, name: 'agent', node: 'web-7', run: 'r1', msg: 'worker 0 is gone' })).toBe(
      '03:04:05 error agent web-7: worker 0 is gone (run r1)\n',
    );
    expect(lineOf({ level: 40, time, name: 'broker', err: { message: 'no room' }, msg: 'not kept yet' })).toBe(
      '03:04:05 warn broker: not kept yet: no room\n',
    );
  });

  it('says nothing twice', () => {
    const err = { message: 'no room' };
    expect(lineOf({ level: 30, name: 'broker', run: 'r1', err, msg: 'run r1: no room' })).toBe(
      'info broker: run r1: no room\n',
    );
  });

  it('stays as it is when it is none', () => {
    expect(plainLine('Error: x\n')).toBe('Error: x\n');
  });
});
