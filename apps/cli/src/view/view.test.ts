import type { Progress, Summary } from '@muster/protocol';
import colors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { bytes, clock, duration } from './format.js';
import { progressBlock, progressLine } from './progress.js';
import { summaryText } from './summary.js';

const plain = colors.createColors(false);

const summary: Summary = {
  version: 1,
  revision: 1,
  run: {
    id: 'r',
    name: 'shop.ts',
    state: 'finished',
    verdict: 'failed',
    exitCode: 99,
    reason: 'p(95)<200 failed: 231.4',
    startedAt: null,
    endedAt: '',
    durationMs: 20_465,
    bundle: '',
    seed: 1,
    agents: [],
    events: [],
  },
  metrics: {
    http_reqs: { type: 'counter', contains: 'default', values: { count: 40_000, rate: 2_000 } },
    http_req_failed: { type: 'rate', contains: 'default', values: { rate: 0.001, passes: 40, fails: 39_960 } },
    http_req_duration: { type: 'trend', contains: 'time', values: { count: 40_000, avg: 88.2, 'p(95)': 231.4 } },
    data_received: { type: 'counter', contains: 'data', values: { count: 5_400_000, rate: 270_000 } },
    basket: { type: 'trend', contains: 'default', values: { count: 3, avg: 2.5 } },
    vus: { type: 'gauge', contains: 'default', values: { value: 50, min: 1, max: 50 } },
  },
  submetrics: {
    'http_req_duration{name:cart}': {
      metric: 'http_req_duration',
      tags: { name: 'cart' },
      type: 'trend',
      contains: 'time',
      values: { 'p(95)': 310.9 },
    },
  },
  thresholds: [
    { metric: 'http_req_duration', expression: 'p(95)<200', ok: false, value: 231.4, abortOnFail: false },
    { metric: 'checks', expression: 'rate>0.9', ok: false, value: null, abortOnFail: false },
  ],
  checks: [{ name: 'status is 200', group: '::cart', passes: 98, fails: 2 }],
  errors: [
    {
      code: 'ECONNRESET',
      message: 'connection reset',
      count: 40,
      firstAtMs: 1,
      lastAtMs: 2,
      agents: ['a'],
      where: 'shop.ts:14:9',
    },
  ],
  coverage: {
    complete: false,
    ratio: 0.98,
    started: 1,
    sent: 1,
    answered: 1,
    uncertain: 0,
    rows: { measured: 1, stored: 1, thinned: 0 },
    gaps: [{ agent: 'web-9.77aa01', worker: 0, fromMs: 9_000, toMs: 9_731, why: 'agent lost', unknownSlots: 365 }],
    slots: { buy: { planned: 10, started: 7, dropped: { no_vu: 2 }, unknown: 1 } },
  },
};

describe('the summary on a terminal', () => {
  const text = summaryText(summary, plain);

  it('has the sections of k6, the custom metrics first', () => {
    const order = ['█ THRESHOLDS', '█ TOTAL RESULTS', 'CUSTOM', 'HTTP', 'EXECUTION', 'NETWORK', 'STARTS', 'ERRORS'];
    const places = order.map((title) => text.indexOf(title));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  it('says what failed and by how much, and what there is no data for', () => {
    expect(text).toContain("✗ 'p(95)<200' p(95)=231.4ms");
    expect(text).toContain("✗ 'rate>0.9' no data");
    expect(text).toContain('↳  98% — ✓ 98 / ✗ 2');
    expect(text).toMatch(/\{ name:cart \}\.+: p\(95\)=310\.9ms/);
    expect(text).toContain('buy: 10 planned = 7 started + 2 dropped (no_vu) + 1 unknown');
    expect(text).toContain('gap web-9.77aa01 worker 0, 9s to 9.73s: agent lost, 365 starts unknown');
    expect(text).toContain('40 × ECONNRESET connection reset at shop.ts:14:9');
    expect(text).toContain('failed: p(95)<200 failed: 231.4');
  });
});

describe('the summary of a run that never began', () => {
  it('has no results, only how it ended', () => {
    const nothing = { metrics: {}, submetrics: {}, thresholds: [], checks: [], errors: [] };
    const coverage = { ...summary.coverage, complete: true, slots: {} };
    const run = { ...summary.run, verdict: 'errored' as const, reason: 'vus: must be a whole number', exitCode: 104 };
    expect(summaryText({ ...summary, ...nothing, run, coverage }, plain)).toBe(
      '\n  errored: vus: must be a whole number\n  run r, 20.46s, exit code 104',
    );
  });
});

describe('progress', () => {
  const progress: Progress = {
    run: 'r' as Progress['run'],
    number: 3,
    state: 'running',
    atMs: 12_000,
    plannedMs: 30_000,
    requests: { count: 1_100, failed: 1, rate: 98.5, failedRate: 0.01 },
    latency: { second: { p50: 1.2, p95: 30, p99: 44 }, total: null },
    iterations: { count: 1_100, rate: 98, dropped: 2, failed: 0 },
    checks: { passes: 1, fails: 0 },
    scenarios: [
      {
        name: 'default',
        executor: 'constant-vus',
        ratio: 0.4,
        vus: 10,
        maxVus: 10,
        iterations: 1_100,
        planned: null,
        dropped: 2,
        rate: 98,
      },
    ],
    agents: [{ id: 'a.3f9c2a' as Progress['agents'][number]['id'], state: 'running', vus: 10, cpu: 0.4, lagMs: 2 }],
    thresholds: [],
  };

  it('is one line in a pipe', () => {
    expect(progressLine(progress)).toBe(
      'running (0m12s/0m30s), 10/10 VUs, 1100 iterations, 2 dropped, 98.5 req/s, 1.00% failed, p50 1.2ms  p95 30ms  p99 44ms, 1 agent',
    );
  });

  it('is a block on a terminal that is never wider than it', () => {
    for (const columns of [20, 60, 120]) {
      for (const line of progressBlock(progress, plain, columns).split('\n'))
        expect(line.length).toBeLessThanOrEqual(columns);
    }
    expect(progressBlock(progress, plain, 120)).toContain('[==========>-------------]  40%');
  });
});

describe('numbers for people', () => {
  it('are short', () => {
    expect([0, 0.301, 12.345, 1_234, 125_000].map(duration)).toEqual(['0s', '301µs', '12.35ms', '1.23s', '2m05s']);
    expect([999, 365.6914, 1_500, 2_000_000].map(bytes)).toEqual(['999 B', '365.69 B', '1.5 kB', '2 MB']);
    expect(clock(3_725_000)).toBe('1h02m05s');
  });
});
