import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import { z } from 'zod';
import type { Observer, ObserverValues } from './observer.js';
import type { ObserverOption } from './observer-option.js';
import { refused } from './refused.js';
import type { RunEnd } from './run-end.js';

/** What a module is told; without one it only says which options it has. */
export interface ModuleTask {
  readonly end: RunEnd;
  readonly options: ObserverValues;
}

export type ModuleNews =
  | { readonly type: 'loaded'; readonly options: unknown }
  | { readonly type: 'told' }
  | { readonly type: 'failed'; readonly message: string; readonly isFinal: boolean };

/** The thread runs what was built: from sources, the build beside them. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/observer-thread.js' : './observer-thread.js',
  import.meta.url,
);
const LOAD_MS = 10_000;
const MEMORY_MIB = 256;

/** Options as a module exports them. */
const Options = z.record(
  z.string().regex(/^[a-z][a-z0-9-]*$/),
  z.strictObject({
    kind: z.enum(['text', 'flag', 'port', 'url']).default('text'),
    help: z.string().default(''),
    default: z.union([z.string(), z.number(), z.boolean()]).optional(),
    required: z.boolean().optional(),
    secret: z.boolean().optional(),
    brokerOnly: z.boolean().optional(),
    place: z.boolean().optional(),
    bound: z.boolean().optional(),
  }),
);

/**
 * An observer from a file or an npm package that the broker's own configuration named: it exports `finished(end,
 * { options })` and may export `options`. It runs in a thread of its own.
 *
 * @throws MusterError `BAD_CONFIG` when it can't be loaded
 */
export const loadModuleObserver = async (name: string, path: string, cwd: string): Promise<Observer> => {
  const wrong = (message: string, cause?: unknown) =>
    new MusterError('BAD_CONFIG', `the observer module ${name} (${path}) can't be used: ${message}`, { cause });
  const url = urlOf(path, cwd);
  if (url === null) throw wrong('it is not found');
  let news: ModuleNews;
  try {
    news = await inThread(url, null, AbortSignal.timeout(LOAD_MS));
  } catch (thrown) {
    throw wrong((thrown as Error).message, thrown);
  }
  if (news.type !== 'loaded') throw wrong(news.type === 'failed' ? news.message : 'it said something else');
  const read = Options.safeParse(news.options);
  if (!read.success) throw wrong(`its options are none: ${z.prettifyError(read.error)}`);
  return {
    name,
    options: read.data as Readonly<Record<string, ObserverOption>>,
    finished: async (end, { options, signal }) => {
      const said = await inThread(url, { end, options }, signal);
      if (said.type === 'failed') throw said.isFinal ? refused(said.message) : new Error(said.message);
    },
  };
};

const urlOf = (path: string, cwd: string): string | null => {
  if (/^(file:|data:)/.test(path)) return path;
  if (/^[./]/.test(path)) return pathToFileURL(resolve(cwd, path)).href;
  try {
    return pathToFileURL(createRequire(resolve(cwd, 'muster-broker.js')).resolve(path)).href;
  } catch {
    return null;
  }
};

const inThread = async (url: string, task: ModuleTask | null, signal: AbortSignal): Promise<ModuleNews> => {
  const worker = new Worker(ENTRY, {
    workerData: { url, task },
    name: 'observer',
    execArgv: [],
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_'))),
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  try {
    return await new Promise<ModuleNews>((told, failed) => {
      signal.addEventListener('abort', () => failed(new Error('it took too long')));
      worker.once('message', told);
      worker.once('error', failed);
      worker.once('exit', () => failed(new Error('its thread ended by itself')));
    });
  } finally {
    await worker.terminate();
  }
};
