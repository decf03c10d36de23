import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { until } from '../../test/peers.js';
import { summaryOf } from '../../test/summary-of.js';
import type { Observer } from './observer.js';
import { ObserverBook } from './observer-book.js';
import { refused } from './refused.js';
import { nativeEnd } from './run-end.js';
import { Teller } from './teller.js';

const TIMES = { tryMs: 50, tries: 3, backoffMs: 1 };
const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });

/** A broker's memory, and the teller in it. */
class Stage {
  readonly saved: Record<string, unknown>;
  readonly recorded: string[] = [];
  readonly teller: Teller;
  /** False: nothing becomes durable any more, as when the process is killed. */
  alive = true;

  constructor(observers: readonly Observer[], saved: Record<string, unknown> = {}, times = TIMES) {
    this.saved = { ...saved };
    this.teller = new Teller(
      {
        book: new ObserverBook(observers),
        journal: {
          save: async ({ key, value }) => {
            if (!this.alive) return await new Promise(() => undefined);
            if (value === undefined) delete this.saved[key];
            else this.saved[key] = value;
          },
        },
        log,
        times,
        now: () => 0,
        endOf: async (run) => nativeEnd(summaryOf({ id: run }), null),
        record: async ({ run }, { name, text }) => void this.recorded.push(`${run} ${name}: ${text}`),
      },
      saved,
    );
  }

  async owe(names: readonly string[], options: Record<string, Record<string, unknown>> = {}): Promise<void> {
    await this.teller.owe({ run: 'r', dialect: 'native', choice: { names, options }, end: null });
  }
  async tell(...names: string[]): Promise<readonly string[]> {
    await this.owe(names);
    this.teller.tell('r');
    await this.teller.settled();
    return this.recorded;
  }
}

const make = (name: string, finished: Observer['finished'], options: Observer['options'] = {}): Observer => ({
  name,
  options,
  finished,
});

describe('telling observers', () => {
  it('neither waits for one that hangs nor notices one that throws, and each outcome is kept', async () => {
    const signals: AbortSignal[] = [];
    const stage = new Stage([
      make('hangs', (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      }),
      make('throws', () => {
        throw new Error('no network');
      }),
      make('works', () => undefined),
    ]);
    await stage.tell('hangs', 'throws', 'works');
    expect([...stage.recorded].sort()).toEqual([
      'r hangs: not told, tried 3 times: took more than 50 ms',
      'r throws: not told, tried 3 times: no network',
      'r works: told',
    ]);
    expect(stage.recorded[0]).toBe('r works: told');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(stage.saved).toEqual({});
  });

  it('tries again what may work the next time, and only that', async () => {
    let tries = 0;
    const stage = new Stage([
      make('late', () => {
        tries += 1;
        if (tries < 3) throw new Error('not yet');
      }),
      make('never', () => {
        throw refused('no such user');
      }),
    ]);
    await stage.tell('late', 'never');
    expect([...stage.recorded].sort()).toEqual(['r late: told at try 3', 'r never: not told: no such user']);
  });

  it('says no secret, not even when a server repeats it', async () => {
    const options = { password: { kind: 'text', help: '', secret: true } } as const;
    const stage = new Stage([
      make(
        'leaks',
        (_, { options: { password } }) => {
          throw refused(`535 bad login\n"${String(password)}"`);
        },
        options,
      ),
    ]);
    lines.length = 0;
    await stage.owe(['leaks'], { leaks: { password: 'hush-hush' } });
    stage.teller.tell('r');
    await stage.teller.settled();
    expect(stage.recorded).toEqual(['r leaks: not told: 535 bad login "***"']);
    expect(lines.join('')).not.toContain('hush');
  });

  it('is made good by the next broker after a crash: those that were not told are, the others are not again', async () => {
    const told: string[] = [];
    let hold = true;
    const observers = [
      make('first', () => void told.push('first')),
      make('second', async () => {
        if (hold) await new Promise(() => undefined);
        told.push('second');
      }),
    ];
    const before = new Stage(observers, {}, { ...TIMES, tryMs: 60_000 });
    await before.owe(['first', 'second']);
    before.teller.tell('r');
    await until('the first outcome on disk', () => JSON.stringify(before.saved).includes('"names":["second"]'));
    before.alive = false;
    hold = false;

    const after = new Stage(observers, before.saved);
    after.teller.begin();
    // The end of the run comes up again, as after a crash, and is not owed a second time.
    await after.owe(['first', 'second']);
    await after.tell('first', 'second');
    await after.owe(['first', 'second']);
    expect(told).toEqual(['first', 'second']);
    expect(after.recorded).toEqual(['r second: told']);
    expect(after.saved).toEqual({});
  });

  it('is owed on when the broker closes between two tries', async () => {
    const failing = make('down', () => {
      throw new Error('down');
    });
    const stage = new Stage([failing], {}, { tryMs: 50, tries: 5, backoffMs: 600_000 });
    await stage.owe(['down']);
    stage.teller.tell('r');
    await until('the first try', () => lines.some((line) => line.includes('tried again: down')));
    stage.teller.close();
    await stage.teller.settled();
    expect(stage.recorded).toEqual([]);
    expect(Object.keys(stage.saved)).toEqual(['observers/r']);
  });

  it('says of an observer that is not there any more that it is none', async () => {
    const before = new Stage([make('gone', () => undefined)]);
    await before.owe(['gone']);
    const after = new Stage([make('other', () => undefined)], before.saved);
    after.teller.begin();
    await after.teller.settled();
    expect(after.recorded).toEqual([expect.stringMatching(/^r gone: not told: .*there is no observer "gone"/)]);
    expect(after.saved).toEqual({});
  });
});
