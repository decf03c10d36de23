import { type ResolvedOptions, resolveOptions } from '@muster/plan';
import { MusterError } from '@muster/protocol';
import type { Options } from '@muster/script';
import type { AuthorModule } from '../bundle-module.js';
import type { AuthorFunction } from '../load/iteration-runner.js';
import { OnceBench } from './once-bench.js';
import type { OnceResult } from './once-result.js';

export interface RunOnceOptions {
  /** The exported function that is the iteration. @default 'default' */
  readonly exec?: string;
  /** What the test sees as `__ENV`. @default nothing */
  readonly env?: Readonly<Record<string, string>>;
  /** The server under test: `BASE_URL` in `__ENV`, and where relative URLs lead. */
  readonly baseUrl?: string;
  /** Laid over the options that the test exports. */
  readonly options?: Options;
  /** How often the function runs, by one user, between `setup` and `teardown`. @default 1 */
  readonly iterations?: number;
}

/** The module, or what imports it: then `__ENV` is there while the file is loaded, as in a run. */
export type TestModule = AuthorModule | (() => AuthorModule | Promise<AuthorModule>);

/**
 * Runs `setup`, the function, and `teardown` of a test here, with real requests, and gives what was measured. Load
 * options have no effect. What the test throws is among `errors`; nothing is thrown for it.
 *
 * @throws MusterError `BAD_OPTIONS`, or `ABORTED` when another call is under way in this process
 */
export const runOnce = async (test: TestModule, given: RunOnceOptions = {}): Promise<OnceResult> => {
  const { baseUrl, iterations = 1, exec = 'default' } = given;
  const env = { ...(baseUrl === undefined ? {} : { BASE_URL: baseUrl }), ...given.env };
  const bench = OnceBench.open(env);
  try {
    const module = typeof test === 'function' ? await test() : test;
    bench.begin(optionsOf(module, given, exec));
    const run = (name: string, data: unknown): Promise<unknown> =>
      bench.call(name, module[name] as AuthorFunction, data);
    const ready = await run('setup', undefined).then(
      (data) => ({ data }),
      () => null,
    );
    if (ready !== null) {
      await bench.iterate(module[exec] as AuthorFunction, ready.data, iterations);
      // What it throws is among the errors.
      await run('teardown', ready.data).catch(() => undefined);
    }
    return await bench.result(ready?.data);
  } finally {
    bench.close();
  }
};

const optionsOf = (module: AuthorModule, given: RunOnceOptions, exec: string): ResolvedOptions => {
  const functions = Object.keys(module).filter((name) => typeof module[name] === 'function');
  const overrides = {
    ...given.options,
    ...(given.baseUrl === undefined ? {} : { baseUrl: given.baseUrl }),
    scenarios: { default: { executor: 'per-vu-iterations', exec } },
  };
  const resolved = resolveOptions(module.options, overrides, { functions });
  if (resolved.ok) return resolved.options;
  throw new MusterError('BAD_OPTIONS', resolved.faults.map(({ path, message }) => `${path}: ${message}`).join('; '));
};
