import type { Wish } from './schedule.js';

/** The scenario with a schedule. */
export const LOAD = 'load';
/** The scenario of iterations that the agents share. */
export const SHARE = 'share';

/** What the simulated test file exports, as the wish wants it. */
export interface SimTestFile {
  readonly options: unknown;
  readonly functions: readonly string[];
}

export const testFileOf = (wish: Wish): SimTestFile => ({
  options: {
    scenarios: {
      [LOAD]: {
        executor: 'constant-arrival-rate',
        rate: wish.rate,
        duration: `${wish.durationMs}ms`,
        preAllocatedVUs: 50,
        gracefulStop: '1s',
        ...(wish.wrong === 'options' ? { rat: 1 } : {}),
      },
      ...(wish.shared === 0
        ? {}
        : {
            [SHARE]: {
              executor: 'shared-iterations',
              vus: 10,
              iterations: wish.shared,
              maxDuration: `${wish.durationMs + 1_000}ms`,
              gracefulStop: '1s',
            },
          }),
    },
    setupTimeout: '2s',
    teardownTimeout: '2s',
    handleSummaryTimeout: '2s',
  },
  functions: [
    'default',
    ...(wish.setup ? ['setup'] : []),
    ...(wish.teardown ? ['teardown'] : []),
    ...(wish.handleSummary ? ['handleSummary'] : []),
  ],
});
