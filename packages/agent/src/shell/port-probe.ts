import { connect } from 'node:net';
import { parseEndpoint } from '@muster/protocol';

/** Whether somebody listens: `refused` means that the port's process is dead; `silent`, that nobody can say. */
export type PortState = 'open' | 'refused' | 'silent';

const REFUSALS = new Set(['ECONNREFUSED', 'ENOENT']);

/** Tries a plain connection: zeromq does not tell why one of its own failed. */
export const probePort = (endpoint: string, timeoutMs: number): Promise<PortState> => {
  const parsed = parseEndpoint(endpoint);
  if (parsed.transport === 'tcp' && parsed.port === '*') return Promise.resolve('silent');
  return new Promise((resolve) => {
    const socket =
      parsed.transport === 'ipc'
        ? connect({ path: parsed.path })
        : connect({ host: parsed.host, port: Number(parsed.port) });
    const done = (state: PortState) => {
      socket.destroy();
      resolve(state);
    };
    socket.setTimeout(timeoutMs, () => done('silent'));
    socket.once('connect', () => done('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => done(REFUSALS.has(error.code ?? '') ? 'refused' : 'silent'));
  });
};
