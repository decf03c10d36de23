import type { BatchRequest, NamedUrl, Params, RequestBody, Response } from '@muster/script';

/** One request of a batch, in one shape. */
export interface BatchEntry {
  readonly method: string;
  readonly url: string | NamedUrl;
  readonly body: RequestBody;
  readonly params: Params | undefined;
}

export const batchEntry = (given: BatchRequest): BatchEntry => {
  if (typeof given === 'string') return { method: 'GET', url: given, body: null, params: undefined };
  if (isTuple(given)) return { method: given[0], url: given[1], body: given[2] ?? null, params: given[3] };
  if ('method' in given)
    return { method: given.method, url: given.url, body: given.body ?? null, params: given.params };
  return { method: 'GET', url: given, body: null, params: undefined };
};

const isTuple = (given: BatchRequest): given is Extract<BatchRequest, readonly unknown[]> => Array.isArray(given);

/** How many of a batch may be under way. */
export interface BatchLimits {
  readonly all: number;
  readonly perHost: number;
}

/** Sends the entries as the limits allow, in order, and gives the answers in that order. */
export const runBatch = async (
  entries: readonly BatchEntry[],
  limits: BatchLimits,
  hostOf: (entry: BatchEntry) => string,
  send: (entry: BatchEntry) => Promise<Response>,
): Promise<Response[]> => {
  const answers = new Array<Response>(entries.length);
  const waiting = entries.map((entry, index) => ({ entry, index, host: hostOf(entry) }));
  const busy = new Map<string, number>();
  const turn = async (): Promise<void> => {
    for (;;) {
      const at = waiting.findIndex(({ host }) => (busy.get(host) ?? 0) < limits.perHost);
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      // What is left is for hosts at their limit: whoever works for them goes on with it.
      if (next === undefined) return;
      busy.set(next.host, (busy.get(next.host) ?? 0) + 1);
      try {
        answers[next.index] = await send(next.entry);
      } finally {
        busy.set(next.host, (busy.get(next.host) ?? 1) - 1);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limits.all, entries.length) }, turn));
  return answers;
};
