import { MusterError } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import type { OriginalEvent } from '../control/events.js';
import { OriginalDesk, type OriginalDeskParts } from './original-desk.js';

/** A desk whose control wants something noted of each run that it hears of. */
const deskWith = (updateMetadata: (run: string) => Promise<void>) => {
  const logged: string[] = [];
  const log = (level: string) => (what: unknown, text?: string) =>
    void logged.push(`${level}: ${text ?? String(what)}`);
  const parts = {
    control: {
      handle: ({ run }: { readonly run: string }) => [{ type: 'note', run, changes: { errors: {} }, reply: null }],
    },
    results: { updateMetadata },
    journal: { save: async () => undefined },
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    now: () => ({ nowMs: 0, iso: '' }),
  };
  return { desk: new OriginalDesk(parts as unknown as OriginalDeskParts), logged };
};
const news = { type: 'sent', run: 'gone', agent: 'a' } as OriginalEvent;

describe('what is to be noted of a run', () => {
  it('is given up when the run was deleted in the meantime: nothing went wrong', async () => {
    const { desk, logged } = deskWith(async () => {
      throw new MusterError('TOO_MANY_RUNS', 'a row of a run that was deleted');
    });
    desk.handle(news);
    await desk.settled();
    expect(logged).toEqual(['warn: nothing is kept of run gone: a row of a run that was deleted']);
  });

  it('is an error when it could not be kept', async () => {
    const { desk, logged } = deskWith(async () => {
      throw new MusterError('STORE_FAILED', 'broken');
    });
    desk.handle(news);
    await desk.settled();
    expect(logged).toEqual(['error: an effect could not be carried out']);
  });
});
