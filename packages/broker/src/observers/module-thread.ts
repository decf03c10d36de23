import { parentPort, workerData } from 'node:worker_threads';
import type { ModuleNews, ModuleTask } from './module-observer.js';

/**
 * The thread in which an observer of somebody else's runs: it may throw, block or end as it likes, and is ended when its
 * time is over.
 */
const { url, task } = workerData as { readonly url: string; readonly task: ModuleTask | null };
const tell = (news: ModuleNews): void => parentPort?.postMessage(news);

const faultOf = (thrown: unknown): ModuleNews => ({
  type: 'failed',
  message: thrown instanceof Error ? thrown.message : String(thrown),
  isFinal: typeof thrown === 'object' && thrown !== null && 'final' in thrown && thrown.final === true,
});

try {
  const module = (await import(url)) as { readonly finished?: unknown; readonly options?: unknown };
  const { finished } = module;
  if (typeof finished !== 'function') throw new Error('it exports no function `finished`');
  if (task === null) tell({ type: 'loaded', options: module.options ?? {} });
  else {
    await finished(task.end, { options: task.options });
    tell({ type: 'told' });
  }
} catch (thrown) {
  tell(faultOf(thrown));
}
