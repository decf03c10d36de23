import type { Params } from '@muster/script';
import type { ResponseHead } from './response-head.js';
import type { TargetUrl } from './target-url.js';

/** Where an answer leads. */
export interface Redirect {
  readonly href: string;
  readonly method: string;
  /** The body goes along (307 and 308, or a method that has none). */
  readonly keepsBody: boolean;
}

const STATUSES = new Set([301, 302, 303, 307, 308]);

/**
 * Where an answer leads (RFC 9110, section 15.4); null for nowhere. After 301, 302 and 303 anything but a GET or HEAD
 * goes on as a GET without its body, as Go's client, and so k6, does.
 */
export const redirectOf = (head: ResponseHead, url: TargetUrl, method: string): Redirect | null => {
  if (!STATUSES.has(head.status)) return null;
  const location = head.fields.headers.Location;
  if (location === undefined) return null;
  // A relative place needs a base that has no masked credentials in it.
  const base = `${url.origin.key}${url.path}`;
  const href = URL.canParse(location, base) ? new URL(location, base).href : location;
  if (head.status >= 307) return { href, method, keepsBody: true };
  const same = method === 'GET' || method === 'HEAD';
  return { href, method: same ? method : 'GET', keepsBody: same };
};

const ABOUT_BODY = /^content-(type|encoding|length|language|location)$/i;
const SECRET = /^(authorization|cookie|host|www-authenticate|proxy-authorization)$/i;

/** The parameters for the next hop: nothing about a body that is gone, and no secrets for another origin. */
export const paramsForHop = (params: Params, redirect: Redirect, sameOrigin: boolean): Params => {
  if (redirect.keepsBody && sameOrigin) return params;
  const headers = Object.fromEntries(
    Object.entries(params.headers ?? {}).filter(
      ([name]) => (redirect.keepsBody || !ABOUT_BODY.test(name)) && (sameOrigin || !SECRET.test(name)),
    ),
  );
  return { ...params, headers, ...(sameOrigin ? {} : { cookies: {} }) };
};
