import { CAUSES } from '@muster/engine/internal';
import { type Socket, WebSocket, type WsEnd, type WsError, ws } from '@muster/script';
import { HOSTILE_SOCKET_PATHS, startTarget, type Target } from '@muster/testkit/target';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { count, iteration } from './support.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

type Cause = keyof typeof CAUSES;

/** The one cause that each broken handshake must give. */
const UNOPENED: Readonly<Record<string, Cause>> = {
  '/ws/refused': 'wsRefused',
  '/ws/not-upgraded': 'wsRefused',
  '/ws/redirected': 'wsRefused',
  '/ws/wrong-accept': 'wsBadHandshake',
  '/ws/no-accept': 'wsBadHandshake',
  '/ws/wrong-upgrade': 'wsBadHandshake',
  '/ws/unasked-protocol': 'wsBadHandshake',
  '/ws/no-http': 'wsBadHandshake',
  '/ws/never-answers': 'timeout',
  '/ws/closes-unanswered': 'closedUnanswered',
  '/ws/resets-unanswered': 'reset',
};
/** The one cause that each broken socket must end with. */
const BROKEN: Readonly<Record<string, Cause>> = {
  '/ws/ends-at-once': 'wsBroken',
  '/ws/resets-at-once': 'reset',
  '/ws/ends-mid-frame': 'wsBroken',
  '/ws/garbage': 'wsBadFrame',
  '/ws/masked': 'wsBadFrame',
  '/ws/bad-utf8': 'wsBadFrame',
  '/ws/bad-opcode': 'wsBadFrame',
  '/ws/bad-close-code': 'wsBadFrame',
  '/ws/compressed-unasked': 'wsBadFrame',
  '/ws/oversized': 'wsMessageTooLarge',
  '/ws/endless-fragments': 'wsMessageTooLarge',
};
const STATUS: Readonly<Record<string, number>> = {
  '/ws/refused': 403,
  '/ws/not-upgraded': 200,
  '/ws/redirected': 302,
};

const socketUrl = (path: string): string => `${target.url.replace('http', 'ws')}${path}`;

describe('a server that misbehaves', () => {
  it('is met in every way that it can', () => {
    expect([...Object.keys(UNOPENED), ...Object.keys(BROKEN), '/ws/hello-and-close'].sort()).toEqual(
      [...HOSTILE_SOCKET_PATHS].sort(),
    );
  });

  it.each(Object.keys(UNOPENED))('%s: the socket does not open, and it is said why', async (path) => {
    const cause = CAUSES[UNOPENED[path] ?? 'other'];
    const status = STATUS[path] ?? 0;
    let caught: WsError | null = null;
    const result = await iteration(async () => {
      await ws.connect(socketUrl(path), { timeout: 300 }).catch((error: WsError) => {
        caught = error;
      });
    });
    expect(caught).toMatchObject({ name: 'WsError', error_code: cause.number, status });
    expect(result.errors).toMatchObject([{ code: cause.name, count: 1 }]);
    expect(count(result, `ws_sessions{status:${status},error_code:${cause.number}}`)).toBe(1);
    expect(count(result, 'ws_sessions')).toBe(1);
    expect(result.metrics.ws_session_duration).toBeUndefined();
    expect(count(result, 'data_sent')).toBeGreaterThan(100);
    expect(count(result, 'iterations_failed')).toBe(0);
  });

  it.each(Object.keys(BROKEN))('%s: the socket breaks, and it is said why', async (path) => {
    const cause = CAUSES[BROKEN[path] ?? 'other'];
    const seen: unknown[] = [];
    let end: WsEnd | null = null;
    const result = await iteration(async () => {
      const socket = await ws.connect(socketUrl(path));
      socket.onerror = ({ error_code }) => seen.push(['error', error_code]);
      socket.onclose = ({ code }) => seen.push(['close', code]);
      end = await socket.closed;
      await socket.message().catch((error: WsError) => seen.push(['message', error.error_code]));
    });
    expect(end).toMatchObject({ code: 1_006, wasClean: false, error_code: cause.number });
    expect(seen).toEqual([
      ['error', cause.number],
      ['close', 1_006],
      ['message', cause.number],
    ]);
    expect(result.errors).toMatchObject([{ code: cause.name, count: 1 }]);
    expect(count(result, 'ws_sessions{status:101}')).toBe(1);
    expect(count(result, 'ws_sessions')).toBe(1);
    expect(result.metrics.ws_session_duration).toBeDefined();
    expect(count(result, 'iterations_failed')).toBe(0);
  });

  it('/ws/hello-and-close: what comes in one piece with the answer is not lost', async () => {
    const seen: unknown[] = [];
    const result = await iteration(async () => {
      const socket = await ws.connect(socketUrl('/ws/hello-and-close'));
      for await (const message of socket) seen.push(message);
      seen.push((await socket.closed).code);
    });
    expect(seen).toEqual(['hello', 1_000]);
    expect(result.errors).toEqual([]);
    expect(count(result, 'ws_msgs_received')).toBe(1);
  });

  it('fails the iteration of a test that does not look', async () => {
    const refused = await iteration(() => ws.connect(socketUrl('/ws/refused')));
    expect(count(refused, 'iterations_failed')).toBe(1);
    const broken = await iteration(async () => {
      const socket: Socket = await ws.connect(socketUrl('/ws/garbage'));
      await socket.message();
    });
    expect(count(broken, 'iterations_failed')).toBe(1);
    expect(broken.errors.map(({ code }) => code)).toEqual(['WS_BAD_FRAME', 'SCRIPT_EXCEPTION']);
    expect(broken.errors[1]?.where).toContain('hostile.integration.test.ts:');
  });

  it('is told to callbacks, in the order of a browser', async () => {
    const seen: string[] = [];
    await iteration(() => {
      const socket = new WebSocket(socketUrl('/ws/refused'));
      socket.onopen = () => seen.push('open');
      socket.onerror = ({ status }) => seen.push(`error ${status}`);
      socket.onclose = ({ code }) => seen.push(`close ${code}`);
    });
    expect(seen).toEqual(['error 403', 'close 1006']);
  });
});
