/**
 * For sister packages and tests only; changes without notice.
 *
 * @packageDocumentation
 */
export { openMemoryStore } from './store/memory-store.js';
export type { Store } from './store/store.js';
export { ThreadStore, type ThreadStoreOptions } from './store/thread/thread-store.js';
