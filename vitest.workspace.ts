import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const rooms = ['packages', 'apps'].flatMap((top) =>
  readdirSync(new URL(top, import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, root: `${top}/${entry.name}` })),
);

const reports = process.env.MUSTER_TEST_REPORT_DIR;

/** One project per package; the `source` condition lets unit tests run without a build. */
export default defineConfig({
  resolve: { conditions: ['source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
  test: {
    ...(reports === undefined
      ? {}
      : { reporters: ['default', 'json'], outputFile: { json: join(reports, `${process.pid}.json`) } }),
    projects: rooms.map(({ name, root }) => ({
      extends: true as const,
      test: {
        name,
        include: [`${root}/src/**/*.test.ts`, `${root}/test/**/*.test.ts`],
        testTimeout: 60_000,
        hookTimeout: 60_000,
        pool: 'forks' as const,
        // Real clusters share two cores: one file after the other.
        fileParallelism: name !== 'testkit' && name !== 'cli',
      },
    })),
  },
});
