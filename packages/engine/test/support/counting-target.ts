import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A small server that counts what it served, as the judge of what a worker reports. */
export interface CountingTarget {
  readonly url: string;
  /** Requests answered, by path without its query. */
  readonly served: Map<string, number>;
  /** Wall-clock arrival of each request, in the machine's monotonic milliseconds. */
  readonly arrivals: number[];
  total(): number;
  close(): Promise<void>;
}

/** `/delay?ms=N` answers after N ms, `/hang` never, everything else at once. */
export const startCountingTarget = async (): Promise<CountingTarget> => {
  const served = new Map<string, number>();
  const arrivals: number[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://target');
    arrivals.push(performance.now());
    request.resume();
    if (url.pathname === '/hang') return;
    const answer = () => {
      served.set(url.pathname, (served.get(url.pathname) ?? 0) + 1);
      response.end('hello');
    };
    if (url.pathname === '/delay') setTimeout(answer, Number(url.searchParams.get('ms')));
    else answer();
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    arrivals,
    total: () => [...served.values()].reduce((sum, count) => sum + count, 0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
