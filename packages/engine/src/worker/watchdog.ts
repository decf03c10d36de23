import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { machineNow } from '../clock.js';
import type { WatchdogLine } from '../ipc.js';
import { RightToLoad } from '../right-to-load.js';

/**
 * The watchdog: a thread of the worker that goes on when the main loop does not. It reads grants from a pipe of its own,
 * ends the process when the supervisor is gone, when the right to load has been over for a second without the main loop
 * falling silent, when the process is too large, and when the main loop has not turned for too long; of the last two it
 * says at which of the author's lines.
 */
export interface WatchdogSettings {
  readonly shared: SharedArrayBuffer;
  readonly hangMs: number;
  /** 0: no bound. */
  readonly maxRssBytes: number;
}

const PIPE_FD = 4;
const TICK_MS = 50;
/** Counted in ticks of its own, so that a process that was frozen as a whole gets its second after it went on. */
const EXPIRED_TICKS = 20;
const FIND_LINE_MS = 1_000;

const { shared, hangMs, maxRssBytes } = workerData as WatchdogSettings;
const right = new RightToLoad(shared);
let bundleUrl: string | null = null;
parentPort?.on('message', (path: string) => {
  bundleUrl = pathToFileURL(path).href;
});

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
/** Written at once: the process ends right after. */
const say = (line: WatchdogLine): void => {
  try {
    writeSync(PIPE_FD, `${JSON.stringify(line)}\n`);
  } catch (thrown) {
    // The other end is gone or takes nothing more: there is nobody to tell.
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

/**
 * The place in the bundle (`url:line:column`) at which the main thread is: its innermost frame there. It is stopped for
 * good. Null when it is in no code of the author.
 */
const whereIsMain = (): Promise<string | null> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(null), FIND_LINE_MS);
    if (bundleUrl === null) return;
    const url = bundleUrl;
    const session = new Session();
    session.connectToMainThread();
    // Frames name their script by number only; the numbers are told when the debugger is switched on.
    let script: string | null = null;
    session.on('Debugger.scriptParsed', ({ params }) => {
      if (params.url === url) script = params.scriptId;
    });
    session.on('Debugger.paused', ({ params }) => {
      const at = params.callFrames.find(({ location }) => location.scriptId === script)?.location;
      resolve(at === undefined ? null : `${url}:${at.lineNumber + 1}:${(at.columnNumber ?? 0) + 1}`);
    });
    session.post('Debugger.enable', () => session.post('Debugger.pause'));
  });

/** Says why the process ends, and where it was, and ends it. */
const condemn = async (lineOf: (where: string | null) => WatchdogLine): Promise<void> => {
  clearInterval(ticking);
  const where = await whereIsMain().catch(() => null);
  say(lineOf(where));
  die();
};

let turns = right.turns;
let stillMs = 0;
let expiredTicks = 0;
const ticking = setInterval(() => {
  const { turns: seen, until } = right;
  stillMs = seen === turns ? stillMs + TICK_MS : 0;
  turns = seen;
  const rssBytes = process.memoryUsage.rss();
  if (stillMs >= hangMs) void condemn((where) => ({ hang: { blockedMs: stillMs, where } }));
  else if (maxRssBytes > 0 && rssBytes > maxRssBytes)
    void condemn((where) => ({ memory: { rssBytes, maxRssBytes, where } }));
  expiredTicks = until > 0 && machineNow() > until && !right.quiet ? expiredTicks + 1 : 0;
  if (expiredTicks < EXPIRED_TICKS) return;
  say({ expired: { until } });
  die();
}, TICK_MS);
