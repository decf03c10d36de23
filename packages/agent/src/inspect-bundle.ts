import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerFault } from '@muster/engine';
import { activeMsOf, endsByIterations, type Fault, maxVusOf, resolveOptions } from '@muster/plan';
import { MusterError } from '@muster/protocol';
import { WorkerHost } from './worker-host/worker-host.js';

/** A scenario as `muster check` shows it. */
export interface ScenarioShape {
  readonly name: string;
  readonly executor: string;
  readonly maxVus: number;
  /** Latest end on the run's clock, graceful stop included; null when it ends by its iterations. */
  readonly endMs: number | null;
}

const LOAD_MS = 60_000;

/**
 * Loads a bundle in a worker, as an agent would, and resolves its options; none of its functions is run.
 *
 * @throws MusterError what the author's top level threw (`SCRIPT_EXCEPTION`, with the line), `TIMEOUT`.
 */
export const inspectBundle = async (
  bundle: { readonly bytes: Uint8Array; readonly name: string },
  env: Readonly<Record<string, string>>,
): Promise<
  | { readonly ok: true; readonly scenarios: readonly ScenarioShape[] }
  | { readonly ok: false; readonly faults: readonly Fault[] }
> => {
  const folder = await mkdtemp(join(tmpdir(), 'muster-check-'));
  const bundlePath = join(folder, 'bundle.mjs');
  await writeFile(bundlePath, bundle.bytes);
  try {
    const loaded = await load(bundlePath, bundle.name, env);
    const resolved = resolveOptions(loaded.options, {}, { functions: loaded.functions, metrics: loaded.metrics });
    if (!resolved.ok) return resolved;
    return {
      ok: true,
      scenarios: resolved.options.scenarios.map((scenario) => ({
        name: scenario.name,
        executor: scenario.executor,
        maxVus: maxVusOf(scenario),
        endMs: endsByIterations(scenario)
          ? null
          : scenario.startTimeMs + activeMsOf(scenario) + scenario.gracefulStopMs,
      })),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

type Loaded = {
  readonly options: unknown;
  readonly functions: readonly string[];
  readonly metrics: readonly { readonly name: string; readonly type: 'counter' | 'gauge' | 'rate' | 'trend' }[];
};

const load = (bundlePath: string, name: string, env: Readonly<Record<string, string>>): Promise<Loaded> =>
  new Promise((resolve, reject) => {
    const refuse = (fault: WorkerFault): void =>
      reject(
        new MusterError(
          fault.code as 'SCRIPT_EXCEPTION',
          `${fault.message.replace(/^\[[A-Z_]+\] /, '')}${fault.where === undefined ? '' : ` at ${fault.where}`}`,
        ),
      );
    const timer = setTimeout(() => {
      host.signal('SIGKILL');
      reject(new MusterError('TIMEOUT', `${name} was not loaded in ${LOAD_MS} ms`));
    }, LOAD_MS);
    const host = new WorkerHost({
      maxHeapMb: 1_024,
      maxRssBytes: 0,
      hangMs: 10_000,
      bundlePath: () => bundlePath,
      onNews: (news) => {
        if (news.type === 'loaded') resolve(news);
        else if (news.type === 'fault') refuse(news.fault);
        else return;
        host.order({ type: 'end' });
      },
      onExit: (fault) => {
        clearTimeout(timer);
        if (fault !== null) refuse(fault);
      },
    });
    host.order({
      type: 'init',
      run: '',
      name,
      bundlePath,
      env,
      seed: 0,
      raw: 'none',
      rowsPerSecond: 0,
      agent: { id: 'check', node: 'check', labels: {} },
      worker: 0,
      workers: 1,
    });
  });
