import { decentRoutes, type Route } from './decent-routes.js';
import { HOSTILE } from './hostile-routes.js';
import { plain, type Reply } from './reply.js';
import { HOSTILE_SOCKETS } from './web-socket-routes.js';

/** Paths that break something, for tests that go through all of them. */
export const HOSTILE_PATHS: readonly string[] = Object.keys(HOSTILE);
/** The same for WebSockets. */
export const HOSTILE_SOCKET_PATHS: readonly string[] = Object.keys(HOSTILE_SOCKETS);

/** The routes of one target; unknown paths are a 404. */
export const makeRoutes = (): Route => {
  const routes: Readonly<Record<string, Route>> = { ...decentRoutes(), ...HOSTILE, ...HOSTILE_SOCKETS };
  return (request) => {
    const status = /^\/status\/(\d{3})$/.exec(request.path)?.[1];
    const route = Object.hasOwn(routes, request.path) ? routes[request.path] : undefined;
    const made =
      status === undefined
        ? (route?.(request) ?? plain(404, 'not here\n'))
        : plain(Number(status), `status ${status}\n`);
    return request.method === 'HEAD' && made.status !== null ? withoutBody(made) : made;
  };
};

/** The same head without what follows it. */
const withoutBody = (reply: Reply): Reply => {
  const all = Buffer.concat([...reply.write].map((piece) => Buffer.from(piece)));
  const end = all.indexOf('\r\n\r\n');
  return { ...reply, write: [end < 0 ? all : all.subarray(0, end + 4)] };
};
