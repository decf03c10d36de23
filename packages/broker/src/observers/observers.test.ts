import { MusterError, type Summary } from '@muster/protocol';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { consoleObserver, verdictLine } from './console-observer.js';
import type { Observer } from './observer.js';
import { findObservers } from './registry.js';
import { tellObservers } from './tell-observers.js';

const summary: Summary = {
  version: 1,
  revision: 1,
  run: {
    id: 'r',
    name: 'shop.ts',
    state: 'finished',
    verdict: 'failed',
    exitCode: 99,
    reason: 'threshold http_req_duration p(95)<200 failed: 231.4',
    startedAt: null,
    endedAt: '2026-11-23T18:32:55.901Z',
    durationMs: 20_465,
    bundle: 'sha256:0',
    seed: 1,
    agents: [],
    events: [],
  },
  metrics: { http_reqs: { type: 'counter', contains: 'default', values: { count: 40_000, rate: 2_000 } } },
  submetrics: {},
  thresholds: [],
  checks: [],
  errors: [],
  coverage: {
    complete: true,
    ratio: 1,
    started: 0,
    sent: 0,
    answered: 0,
    uncertain: 0,
    rows: { measured: 0, stored: 0, thinned: 0 },
    gaps: [],
  },
};
const lines: string[] = [];
const log = pino({}, { write: (line) => void lines.push(line) });

describe('observers', () => {
  it('are found by name, and an unknown name is refused with those there are', () => {
    expect(findObservers(['console', 'console'])).toEqual([consoleObserver]);
    expect(() => findObservers(['pager'])).toThrow(MusterError);
    expect(() => findObservers(['pager'])).toThrow(/OBSERVER_UNKNOWN.*there are: console/);
  });

  it('neither wait for one that hangs nor notice one that throws', async () => {
    const told: string[] = [];
    const make = (name: string, finished: Observer['finished']): Observer => ({ name, finished });
    const outcomes = await tellObservers(
      [
        make('hangs', () => new Promise(() => undefined)),
        make('throws', () => {
          throw new Error('no network');
        }),
        make('works', () => void told.push('works')),
      ],
      summary,
      log,
      20,
    );
    expect(outcomes).toEqual([
      { name: 'hangs', ok: false, text: 'took more than 20 ms' },
      { name: 'throws', ok: false, text: 'no network' },
      { name: 'works', ok: true, text: 'told' },
    ]);
    expect(told).toEqual(['works']);
  });

  it('on the console write one line with the verdict', async () => {
    await tellObservers([consoleObserver], summary, log);
    expect(lines.at(-1)).toContain(verdictLine(summary));
    expect(verdictLine(summary)).toBe(
      'shop.ts failed (exit 99): threshold http_req_duration p(95)<200 failed: 231.4; 40000 requests in 20.5 s, coverage 100.0 %',
    );
  });
});
