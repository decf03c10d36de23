import type { Summary } from '@muster/protocol';

/** A summary of a run that failed, for those who only pass one on. */
export const summaryOf = (run: Partial<Summary['run']> = {}): Summary => ({
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
    ...run,
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
});
