import { Worker as Thread } from 'node:worker_threads';
import { toMachineMs } from '../clock.js';
import { Heartbeat } from '../heartbeat.js';
import type { WorkerOrder } from '../ipc.js';
import { ThreadSource } from '../pace/thread-source.js';
import { RightToLoad } from '../right-to-load.js';
import { AuthorConsole } from './author-console.js';
import { Channel } from './channel.js';
import type { WatchdogSettings } from './watchdog.js';
import { Worker } from './worker.js';

const exit = process.exit.bind(process);
const numberOf = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);

const right = new RightToLoad();
const settings: WatchdogSettings = {
  shared: right.shared,
  hangMs: numberOf('MUSTER_HANG_MS', 10_000),
  maxRssBytes: numberOf('MUSTER_MAX_RSS_BYTES', 0),
};
const watchdog = new Thread(new URL('./watchdog.js', import.meta.url), {
  workerData: settings,
});
watchdog.unref();

const heartbeat = new Heartbeat();
heartbeat.onBeat((nowMs) => {
  right.turn();
  right.quiet = toMachineMs(nowMs) >= right.until;
});

const channel = new Channel();
const worker = new Worker({
  channel,
  right,
  heartbeat,
  wakeSource: (wake) => new ThreadSource(new URL('./pacing-thread.js', import.meta.url), wake),
  bundleAt: (path) => watchdog.postMessage(path),
  exit,
});

// What the author's code does to the process, it does to a worker only, and is told.
new AuthorConsole((news) => channel.tell(news)).install();
const exitAsked = (code?: unknown): never => worker.exitAsked(code);
Object.assign(process, { exit: exitAsked, abort: exitAsked });
process.on('uncaughtException', (thrown) => worker.failed('UNCAUGHT_EXCEPTION', thrown));
process.on('unhandledRejection', (thrown) => worker.failed('UNHANDLED_REJECTION', thrown));

process.on('message', (order) => worker.obey(order as WorkerOrder));
process.on('disconnect', () => exit(0));
