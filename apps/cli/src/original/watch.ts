import type { OriginalClient, OriginalEvent } from '@muster/client';

/** What a broker publishes, from an instant on. */
export interface Watch extends AsyncDisposable {
  readonly events: AsyncIterator<OriginalEvent, void>;
  readonly end: () => Promise<void>;
}

/** A publisher that nobody gets through to is done without: the broker is asked as well. */
const LISTENING_MS = 5_000;

/**
 * Resolves when the broker is listened to, so that what begins afterwards is heard from its beginning.
 *
 * @param run null: any that begins
 */
export const startWatch = async (client: OriginalClient, run: string | null): Promise<Watch> => {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let listening: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => {
    listening = resolve;
    timer = setTimeout(resolve, LISTENING_MS);
  });
  const events = client.watch({
    ...(run === null ? {} : { run }),
    signal: ending.signal,
    onListening: () => listening(),
  });
  let first: Promise<IteratorResult<OriginalEvent, void>> | null = events.next();
  await Promise.race([connected, first]);
  clearTimeout(timer);
  const end = async () => {
    // Whoever waits for an event is woken; without anybody, the generator stands at its last one.
    ending.abort();
    await events.return();
  };
  return {
    end,
    [Symbol.asyncDispose]: end,
    events: {
      next: () => {
        const next = first ?? events.next();
        first = null;
        return next;
      },
    },
  };
};
