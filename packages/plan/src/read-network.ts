import { isRecord, Reader } from './reader.js';

/** How names become addresses, in k6's words. */
export interface ResolvedDns {
  /** How long an answer is kept; 0: not at all; null: for ever. */
  readonly ttlMs: number | null;
  /** Which of several addresses a connection goes to. */
  readonly select: 'first' | 'random' | 'roundRobin';
  readonly policy: 'preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any';
}

const TTL_MS = 5 * 60_000;

export const readDns = (from: Reader): ResolvedDns => {
  const given = from.raw('dns') ?? {};
  if (!isRecord(given)) from.fault('dns', 'must be an object with ttl, select or policy');
  const dns = new Reader(isRecord(given) ? given : {}, 'dns', from.faults);
  const forever = dns.raw('ttl') === 'inf';
  const read: ResolvedDns = {
    ttlMs: forever ? null : dns.durationMs('ttl', TTL_MS),
    select: dns.oneOf('select', 'random', ['first', 'random', 'roundRobin']),
    policy: dns.oneOf('policy', 'preferIPv4', ['preferIPv4', 'preferIPv6', 'onlyIPv4', 'onlyIPv6', 'any']),
  };
  dns.end();
  return read;
};

export const readBaseUrl = (from: Reader): string => {
  const given = from.raw('baseUrl');
  if (given === undefined) return '';
  if (typeof given === 'string' && isHttpUrl(given)) return given;
  from.fault('baseUrl', `must be an absolute http or https URL, not ${JSON.stringify(given)}`);
  return '';
};

/** An absolute URL that requests can go to. */
export const isHttpUrl = (text: string): boolean => /^https?:\/\//i.test(text) && URL.canParse(text);
