import { MusterError, type RunEvent, type Snapshot } from '@muster/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noteEvent, progress, progressEvent, RUN, runInfo, snapshot, stateEvent } from '../test/fake-broker.js';
import type { EventListener } from './event-feed.js';
import { follow } from './follow.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How an event fares on its way. */
type Fate = 'comes' | 'is lost' | 'comes twice' | 'comes late';
const STEP_MS = 300;

/** A run of as many events as there are fates, one every 300 ms, followed to its end. */
const followed = async (
  fates: readonly Fate[],
): Promise<{ published: readonly RunEvent[]; seen: readonly RunEvent[] }> => {
  const published: RunEvent[] = [];
  let listener: EventListener | null = null;
  let late: RunEvent | null = null;
  const step = () => {
    const number = published.length;
    const fate = fates[number];
    if (fate === undefined) return;
    const event =
      number === fates.length - 1
        ? stateEvent(number, 'finished')
        : number % 3 === 2
          ? noteEvent(number, `note ${number}`)
          : progressEvent(number);
    published.push(event);
    if (late !== null) listener?.(late);
    late = fate === 'comes late' ? event : null;
    if (fate === 'comes' || fate === 'comes twice') listener?.(event);
    if (fate === 'comes twice') listener?.(event);
  };
  const standing = (): Snapshot => {
    const last = published.findLast((event) => event.kind === 'progress');
    const over = published.length === fates.length;
    return snapshot(published.length - 1, over ? 'finished' : 'running', {
      run: runInfo(over ? 'finished' : 'running'),
      progress: last === undefined ? null : progress(last.number),
      notes: published.flatMap((event) =>
        event.kind === 'note' ? [{ atMs: event.atMs, level: event.level, text: event.text }] : [],
      ),
    });
  };
  const seen: RunEvent[] = [];
  let over = false;
  const reading = (async () => {
    const port = {
      attach: async () => standing(),
      listen: (_: string, heard: EventListener) => {
        listener = heard;
        return () => {
          listener = null;
        };
      },
      signal: new AbortController().signal,
      patienceMs: 60_000,
    };
    for await (const event of follow(RUN, port)) seen.push(event);
    over = true;
  })();
  for (let n = 0; n < fates.length + 20 && !over; n += 1) {
    await vi.advanceTimersByTimeAsync(STEP_MS);
    step();
  }
  await vi.advanceTimersByTimeAsync(STEP_MS);
  expect(over).toBe(true);
  expect(listener).toBeNull();
  await reading;
  return { published, seen };
};

describe('following a run', () => {
  it('ends with the run, shows progress in order and each note once, whatever happens to the events', async () => {
    const fate = fc.constantFrom<Fate>('comes', 'comes', 'comes', 'is lost', 'comes twice', 'comes late');
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 40 }), async (fates) => {
        const { published, seen } = await followed(fates);
        expect(seen.at(-1)).toMatchObject({ kind: 'state', state: 'finished' });
        expect(seen.filter((event) => event.kind === 'state' && event.state === 'finished')).toHaveLength(1);
        const numbers = seen.flatMap((event) => (event.kind === 'progress' ? [event.progress.number] : []));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        const notes = (events: readonly RunEvent[]) =>
          events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
        expect(notes(seen)).toEqual(notes(published));
        if (fates.every((each) => each === 'comes' || each === 'comes twice'))
          expect(numbers).toEqual(published.flatMap((event) => (event.kind === 'progress' ? [event.number] : [])));
      }),
      { numRuns: 100 },
    );
  });

  const troubled = (attach: () => Promise<Snapshot>, patienceMs: number) => {
    let asked = 0;
    const port = {
      attach: () => {
        asked += 1;
        return attach();
      },
      listen: () => () => undefined,
      signal: new AbortController().signal,
      patienceMs,
    };
    const reading = (async () => {
      const seen: RunEvent[] = [];
      for await (const event of follow(RUN, port)) seen.push(event);
      return seen;
    })().catch((thrown: MusterError) => thrown);
    return { reading, asked: () => asked };
  };

  it('names the full disk of a broker that lives, and can keep nothing for as long as it is waited for', async () => {
    const full = new MusterError('DISK_FULL', 'no space left on device');
    const { reading, asked } = troubled(() => Promise.reject(full), 30_000);
    await vi.advanceTimersByTimeAsync(32_000);
    const thrown = await reading;
    expect(thrown).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining('no space left on device') });
    expect(asked()).toBeLessThan(40);
  });

  it('goes on when there is room again', async () => {
    let isFull = true;
    const full = new MusterError('DISK_FULL', 'no space left on device');
    const { reading } = troubled(async () => (isFull ? Promise.reject(full) : snapshot(3, 'finished')), 30_000);
    await vi.advanceTimersByTimeAsync(20_000);
    isFull = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await reading).toMatchObject([{ kind: 'progress' }, { kind: 'state', state: 'finished' }]);
  });
});
