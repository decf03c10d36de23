import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerFault, WorkerNews } from '@muster/engine';
import { activeMsOf, endsByIterations, type Fault, maxVusOf, resolveOptions } from '@muster/plan';
import { CODES, type Code, MusterError, TIMES } from '@muster/protocol';
import { WorkerHost } from './worker-host/worker-host.js';

/** A scenario as `muster check` shows it. */
export interface ScenarioShape {
  readonly name: string;
  readonly executor: string;
  readonly maxVus: number;
  /** Latest end on the run's clock, graceful stop included; null when it ends by its iterations. */
  readonly endMs: number | null;
}

export type Inspection =
  | { readonly ok: true; readonly scenarios: readonly ScenarioShape[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

type Loaded = Extract<WorkerNews, { readonly type: 'loaded' }>;

const MAX_HEAP_MIB = 1_024;

/**
 * Loads a bundle in a worker, as an agent would, and resolves its options; none of its functions is run.
 *
 * @throws MusterError what the author's top level threw (`SCRIPT_EXCEPTION`, with the line), `SCRIPT_HANG`, `TIMEOUT`.
 */
export const inspectBundle = async (
  bundle: { readonly bytes: Uint8Array; readonly name: string },
  env: Readonly<Record<string, string>>,
): Promise<Inspection> => {
  const folder = await mkdtemp(join(tmpdir(), 'muster-check-'));
  try {
    const bundlePath = join(folder, 'bundles', 'bundle.mjs');
    await mkdir(join(folder, 'bundles'));
    await writeFile(bundlePath, bundle.bytes);
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

const errorOf = ({ code, message, where }: Pick<WorkerFault, 'code' | 'message' | 'where'>): MusterError => {
  const text = message.replace(/^\[[A-Z_]+\] /, '');
  const known: Code = Object.hasOwn(CODES, code) ? (code as Code) : 'SCRIPT_EXCEPTION';
  return new MusterError(known, where === undefined || text.includes(where) ? text : `${where}: ${text}`);
};

/** Resolves when the worker is gone again, with what it said of the bundle. */
const load = async (bundlePath: string, name: string, env: Readonly<Record<string, string>>): Promise<Loaded> => {
  let loaded: Loaded | null = null;
  let fault: MusterError | null = null;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    const host = new WorkerHost({
      maxHeapMiB: MAX_HEAP_MIB,
      maxRssBytes: 0,
      hangMs: TIMES.hangMs,
      bundlePath,
      onNews: (news) => {
        if (news.type === 'loaded') loaded = news;
        else if (news.type === 'fault') fault ??= errorOf(news.fault);
        else return;
        host.order({ type: 'end' });
      },
      onExit: ({ reason, message, where }) => {
        const code: Code = reason === 'hang' ? 'SCRIPT_HANG' : reason === 'memory' ? 'SCRIPT_MEMORY' : 'SCRIPT_EXIT';
        if (loaded === null) fault ??= errorOf({ code, message, ...(where === null ? {} : { where }) });
        resolve();
      },
    });
    timer = setTimeout(() => {
      fault ??= new MusterError('TIMEOUT', `${name} was not loaded in ${TIMES.prepareMs} ms`);
      host.signal('SIGKILL');
    }, TIMES.prepareMs);
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
  clearTimeout(timer);
  if (loaded !== null) return loaded;
  throw fault ?? new MusterError('INTERNAL', `${name} was neither loaded nor refused`);
};
