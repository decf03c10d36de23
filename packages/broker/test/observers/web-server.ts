import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface Posted {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export interface WebServer {
  readonly url: string;
  readonly posted: readonly Posted[];
  close(): Promise<void>;
}

/** A server that keeps what is posted to it, and answers with the statuses in turn, the last one again and again. */
export const startWebServer = async (
  statuses: readonly (number | 'nothing')[] = [200],
  port = 0,
  headers: Readonly<Record<string, string>> = {},
): Promise<WebServer> => {
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const status = statuses[Math.min(posted.length, statuses.length - 1)] ?? 200;
      const body = JSON.parse(text) as Record<string, unknown>;
      posted.push({ method: request.method, path: request.url, headers: request.headers, body });
      if (status !== 'nothing') response.writeHead(status, headers).end('ok');
    });
  });
  await new Promise<void>((listening) => void server.listen(port, '127.0.0.1', () => listening()));
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${bound}/services/T0/hush`,
    posted,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};
