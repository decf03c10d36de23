import { formatEndpoint, parseEndpoint } from '@muster/protocol';

const EVERYWHERE = new Set(['*', '0.0.0.0', '::']);

/** An endpoint that a broker named: one bound to every address is reached where its frontend was. */
export const reachable = (endpoint: string, frontend: string): string => {
  const named = parseEndpoint(endpoint);
  const asked = parseEndpoint(frontend);
  if (named.transport === 'ipc' || asked.transport === 'ipc' || !EVERYWHERE.has(named.host)) return endpoint;
  return formatEndpoint({ ...named, host: asked.host });
};
