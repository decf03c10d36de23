import { refused } from './refused.js';

/** Statuses below 500 that another time may not come. */
const PASSING = new Set([408, 425, 429]);

/**
 * Posts a body and wants a 2xx. The address is a secret: no error repeats it, and no redirection is followed with it.
 *
 * @throws MusterError `OBSERVER_REFUSED` for a status that says no for good; any other error when it might go another time.
 */
export const postJson = async (
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> => {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'user-agent': 'muster-broker', ...headers },
      body: JSON.stringify(body),
      signal,
    });
  } catch (thrown) {
    throw new Error(`the server could not be reached: ${reasonOf(thrown)}`, { cause: thrown });
  }
  await response.body?.cancel();
  if (response.ok) return;
  const text = `the server answered ${response.status} ${response.statusText}`.trim();
  if (response.status >= 500 || PASSING.has(response.status)) throw new Error(text);
  throw refused(text);
};

/** `fetch` has the reason underneath. */
const reasonOf = (thrown: unknown): string => {
  const { cause } = thrown as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'no connection';
};
