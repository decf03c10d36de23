import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { IterationRunner } from '../load/iteration-runner.js';
import { RunClock } from '../load/run-clock.js';
import { ScenarioContext } from '../load/scenario-context.js';
import { VirtualUser } from '../load/virtual-user.js';
import { Recorder } from '../record/recorder.js';
import { AuthorHttp } from '../runtime/author-http.js';

/** Enough for everything on the way of a request to have been loaded and run. */
const ITERATIONS = 40;
/** A machine on which it takes longer starts cold. */
const LONGEST_MS = 1_000;
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok';

/**
 * Sends a few requests to a server of this process, which nobody else sees, and forgets what they measured. The first
 * request of a process takes ten times as long as later ones: without this it would be the test's, and workers that
 * share a core would start one after the other. Never rejects: a worker that can't do this is only slower at first.
 *
 * @returns how many were answered
 */
export const warmUp = async (): Promise<number> => {
  const peers = new Set<Socket>();
  const server = createServer((peer) => {
    peers.add(peer);
    peer.on('data', () => peer.write(ANSWER));
    peer.on('error', () => peer.destroy());
  });
  let user: VirtualUser | null = null;
  let timer: NodeJS.Timeout | undefined;
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const made = makeUser();
    user = made.user;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LONGEST_MS);
    });
    await Promise.race([made.visit(`http://127.0.0.1:${port}/`), late]);
    return made.answered();
  } catch {
    return 0;
  } finally {
    clearTimeout(timer);
    user?.cancel();
    for (const peer of peers) peer.destroy();
    server.close();
  }
};

/** A user with everything that one of a test has, and nobody who looks at what it measures. */
const makeUser = () => {
  const recorder = new Recorder({ rowsPerSecond: 1_000, onSealed: () => undefined, beforeSeal: () => undefined });
  const settings = { name: 'warm-up', executor: 'per-vu-iterations', tags: {}, env: {}, seed: 0 };
  const kept = { sharedConnections: false, keepCookies: false, keepConnections: false };
  const user = new VirtualUser(0, 0, new ScenarioContext({ ...settings, ...kept }, recorder, {}));
  const { http } = new AuthorHttp(() => user.root);
  const clock = new RunClock();
  const runner = new IterationRunner({
    as: (_, fn, argument) => fn(argument),
    back: () => undefined,
    places: { of: () => null },
    clock,
    data: () => undefined,
    lastTurnMs: () => performance.now(),
    minIterationMs: 0,
  });
  let begun = 0;
  let answered = 0;
  return {
    user,
    answered: () => answered,
    visit: async (url: string): Promise<void> => {
      const visit = async (): Promise<void> => {
        // One on a new connection, one on that which is there.
        for (let n = 0; n < 2; n += 1) if ((await http.get(url)).status === 200) answered += 1;
      };
      await runner.loop(user, visit, () => {
        begun += 1;
        return begun > ITERATIONS ? 'end' : begun;
      });
      recorder.begin(performance.now());
      recorder.finish(performance.now());
    },
  };
};
