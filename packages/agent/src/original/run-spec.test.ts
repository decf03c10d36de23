import { MusterError } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { loadsEnvironment } from './loads-environment.js';
import { readRunSpec, splitCommand, stepLimitMs } from './run-spec.js';

const fault = (args: Record<string, unknown>): string => {
  try {
    readRunSpec(args);
  } catch (thrown) {
    if (thrown instanceof MusterError) return thrown.message;
    throw thrown;
  }
  return '';
};

describe('the arguments of a RUN', () => {
  it('go by one user and one hit unless they say otherwise', () => {
    expect(readRunSpec({ test_runner: './go', users: null, hits: null, duration: null, extra: {} })).toEqual({
      target: { kind: 'program', command: './go', args: [] },
      label: './go',
      steps: [{ users: 1, hits: 1, durationS: null }],
      timeoutMs: 2_000,
      testDir: null,
      serverUrl: null,
    });
  });

  it.each([
    ['text', '10:20', '3:4:5'],
    ['lists', [10, 20], [3, 4, 5]],
    ['lists of texts', ['10', '20'], ['3', '4', '5']],
  ])('pair users and hits as %s by steps, the last of the shorter again', (_, users, hits) => {
    expect(readRunSpec({ test_runner: 'x', users, hits }).steps).toEqual([
      { users: 10, hits: 3, durationS: null },
      { users: 20, hits: 4, durationS: null },
      { users: 20, hits: 5, durationS: null },
    ]);
  });

  it('go by time when they have a duration, whatever hits say', () => {
    expect(readRunSpec({ test_runner: 'x', users: 2, hits: '1:2:3', duration: '7' }).steps).toEqual([
      { users: 2, hits: null, durationS: 7 },
    ]);
  });

  it('give a test of ours a stage for each number of users, in which each does all of the hits', () => {
    const spec = readRunSpec({ fqn: 'tests/shop.ts:checkout', users: '1:2', hits: '3:4' });
    expect(spec.target).toEqual({ kind: 'test', file: 'tests/shop.ts', exec: 'checkout' });
    expect(spec.steps.map(({ users, hits }) => [users, hits])).toEqual([
      [1, 7],
      [2, 7],
    ]);
    expect(readRunSpec({ fqn: 'shop.ts' }).target).toMatchObject({ exec: 'default' });
  });

  it('put the test’s name in the place of {test}, blanks and all', () => {
    expect(readRunSpec({ test_runner: 'node run.js --only={test} {test}', fqn: 'a b' }).target).toEqual({
      kind: 'program',
      command: 'node',
      args: ['run.js', '--only=a b', 'a b'],
    });
  });

  it('are refused when nothing here can run them, each with its reason', () => {
    for (const fqn of ['', 'pkg.mod.Case.test', '../up.ts', '/abs.ts', 'a/../../b.ts', 'a.ts:no-name'])
      expect(fault({ fqn })).toContain('nothing that this agent can run');
    expect(fault({ test_runner: 'x', users: 0 })).toContain('users');
    expect(fault({ test_runner: 'x', users: 1_001 })).toContain('users');
    expect(fault({ test_runner: 'x', hits: '0' })).toContain('hits');
    expect(fault({ test_runner: 'x', users: '1:x' })).toContain('users');
    expect(fault({ test_runner: 'x', duration: -1 })).toContain('duration');
    expect(fault({ test_runner: 7 })).toContain('test_runner');
  });

  it('bound a step by its hits or its time, and the timeout', () => {
    const byHits = readRunSpec({ test_runner: 'x', hits: 5, external_process_timeout: '3' });
    expect(byHits.steps.map((step) => stepLimitMs(byHits, step))).toEqual([15_000]);
    const byTime = readRunSpec({ test_runner: 'x', duration: 10 });
    expect(byTime.steps.map((step) => stepLimitMs(byTime, step))).toEqual([12_000]);
    const test = readRunSpec({ fqn: 'a.ts', hits: 5 });
    expect(test.steps.map((step) => stepLimitMs(test, step))).toEqual([null]);
  });
});

describe('a command', () => {
  it('is split at blanks, and quotes keep them', () => {
    expect(splitCommand(`  /bin/echo "a b" 'c "d"' e"f g"h $HOME ; `)).toEqual([
      '/bin/echo',
      'a b',
      'c "d"',
      'ef gh',
      '$HOME',
      ';',
    ]);
    expect(splitCommand('')).toEqual([]);
  });
});

describe('the environment of a process', () => {
  const identity = { receiver: 'tcp://127.0.0.1:1', agent: 'a', run: 'r' };
  it('has hits or a duration, never both, and users from 1', () => {
    const byHits = readRunSpec({ test_runner: 'x', users: 2, hits: 3, server_url: 'http://127.0.0.1' });
    const [hitsStep] = byHits.steps;
    const byTime = readRunSpec({ test_runner: 'x', duration: 3 });
    const [timeStep] = byTime.steps;
    if (hitsStep === undefined || timeStep === undefined) throw new Error('no steps');
    expect(loadsEnvironment(identity, byHits, hitsStep, 2)).toEqual({
      LOADS_ZMQ_RECEIVER: 'tcp://127.0.0.1:1',
      LOADS_AGENT_ID: 'a',
      LOADS_RUN_ID: 'r',
      LOADS_TOTAL_USERS: '2',
      LOADS_CURRENT_USER: '2',
      LOADS_TOTAL_HITS: '3',
      LOADS_SERVER_URL: 'http://127.0.0.1',
    });
    expect(loadsEnvironment(identity, byTime, timeStep, 1)).toMatchObject({ LOADS_DURATION: '3' });
    expect(loadsEnvironment(identity, byTime, timeStep, 1)).not.toHaveProperty('LOADS_TOTAL_HITS');
  });
});
