import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import type { WatchdogLine } from '../ipc.js';
import { RightToLoad } from '../right-to-load.js';

/**
 * The watchdog: a thread of the worker that goes on when the main loop does not. It reads grants from a pipe of its own,
 * ends the process when the supervisor is gone, when the right to load has been over for a second without the main loop
 * falling silent, and when the main loop has not turned for too long; then it says at which line.
 */
const PIPE_FD = 4;
const TICK_MS = 100;
/** Ticks of its own, so that a process that was frozen as a whole gets its second after it went on. */
const EXPIRED_TICKS = 10;

const { shared, hangMs, maxRssBytes } = workerData as {
  readonly shared: SharedArrayBuffer;
  readonly hangMs: number;
  readonly maxRssBytes: number;
};
const right = new RightToLoad(shared);

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
};
const say = (line: WatchdogLine): void => {
  try {
    writeSync(PIPE_FD, `${JSON.stringify(line)}\n`);
  } catch (thrown) {
    // The other end is gone, or its buffer is full: there is nobody to tell.
    if ((thrown as NodeJS.ErrnoException).code === undefined) throw thrown;
  }
};

let rest = '';
const pipe = new Socket({ fd: PIPE_FD, readable: true, writable: false });
pipe.setEncoding('utf8');
pipe.on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const said = JSON.parse(line) as WatchdogLine;
    if ('grant' in said) right.grant(said.grant.generation, said.grant.until);
  }
});
pipe.on('end', die);
pipe.on('close', die);
pipe.on('error', die);

/** The line of the bundle at which the main thread is: it is stopped there for good. */
const whereIsMain = (): Promise<string | null> =>
  new Promise((resolve) => {
    const session = new Session();
    setTimeout(() => resolve(null), 1_000);
    session.connectToMainThread();
    // A frame names its script by number only; what the numbers are is told when the debugger is switched on.
    const scripts = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      const frames = params.callFrames.map(({ location }) => ({ location, url: scripts.get(location.scriptId) ?? '' }));
      const frame =
        frames.find((each) => each.url.includes('/bundles/')) ?? frames.find((each) => each.url.startsWith('file:'));
      resolve(
        frame === undefined
          ? null
          : `${frame.url}:${frame.location.lineNumber + 1}:${(frame.location.columnNumber ?? 0) + 1}`,
      );
    });
    session.post('Debugger.enable', () => session.post('Debugger.pause'));
  });

const machineNow = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
};

let turns = right.turns;
let still = 0;
let expired = 0;
setInterval(() => {
  const { turns: seen, until } = right;
  still = seen === turns ? still + TICK_MS : 0;
  turns = seen;
  if (still >= hangMs) {
    still = Number.NEGATIVE_INFINITY;
    void whereIsMain().then((where) => {
      say({ hang: { blockedMs: hangMs, where } });
      setTimeout(die, 50);
    });
  }
  const rssBytes = process.memoryUsage.rss();
  if (maxRssBytes > 0 && rssBytes > maxRssBytes) {
    say({ memory: { rssBytes, maxRssBytes } });
    die();
  }
  expired = until > 0 && machineNow() > until && !right.quiet ? expired + 1 : 0;
  if (expired >= EXPIRED_TICKS) {
    say({ expired: { until } });
    die();
  }
}, TICK_MS);
