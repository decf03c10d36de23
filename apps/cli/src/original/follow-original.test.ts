import type { OriginalClient, OriginalEvent } from '@muster/client';
import colors from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { Io } from '../io.js';
import { followOriginal } from './follow-original.js';

const status = { loads_status: [1, 1, 1, 1] };
const ROW = { data_type: 'startTest', test: 't', ...status };

/** A terminal with somebody who answers. */
const terminal = (answer: string) => {
  let press: () => void = () => undefined;
  const said: string[] = [];
  const io: Io = {
    out: (text) => void said.push(text),
    err: (text) => void said.push(text),
    terminal: true,
    columns: () => 80,
    env: {},
    cwd: '/',
    colors: colors.createColors(false),
    onInterrupt: (listener) => {
      press = listener;
      return () => undefined;
    },
    ask: async () => answer,
  };
  return { io, said, press: () => press() };
};

const follow = async (io: Io, events: AsyncGenerator<OriginalEvent, void>, parts: Partial<OriginalClient>) => {
  const client: Partial<OriginalClient> = {
    listRuns: async () => [{ run: 'r', agents: [] }],
    getCounts: async () => ({ startTest: 1 }),
    getMetadata: async () => ({}),
    ...parts,
  };
  let ended = 0;
  const end = async () => {
    ended += 1;
  };
  const watch = { events, end, [Symbol.asyncDispose]: end };
  const options = { run: 'r', name: 'n', quiet: false, outputs: [], mayDetach: true, watch, attached: false };
  const code = await followOriginal(client as OriginalClient, io, options);
  expect(ended).toBe(1);
  return code;
};

/** Rows of the run, and then nothing until somebody presses. */
async function* rows(pressed: () => void): AsyncGenerator<OriginalEvent, void> {
  yield { kind: 'rows', run: 'other', rows: [{ data_type: 'addError' }] };
  yield { kind: 'rows', run: 'r', rows: [ROW] };
  pressed();
  await new Promise(() => undefined);
}

describe('following a run of the original', () => {
  it('ends with the run, and counts only its rows', async () => {
    const { io, said } = terminal('');
    const events = (async function* (): AsyncGenerator<OriginalEvent, void> {
      yield { kind: 'finished', run: 'other' };
      yield { kind: 'rows', run: 'r', rows: [ROW] };
      yield { kind: 'finished', run: 'r' };
    })();
    expect(await follow(io, events, {})).toBe(0);
    expect(said.join('')).toContain('1 started, 0 ended');
  });

  it('lets its user detach', async () => {
    const { io, said, press } = terminal('d');
    expect(await follow(io, rows(press), {})).toBe(0);
    expect(said.join('')).toContain('`muster attach r` follows it again');
  });

  it('lets its user stop the run, and waits for its end', async () => {
    const { io, said, press } = terminal('s');
    let stopped = false;
    const code = await follow(io, rows(press), {
      stopRun: async () => {
        stopped = true;
        return ['a'];
      },
      listRuns: async () => (stopped ? [] : [{ run: 'r', agents: [] }]),
    });
    expect(code).toBe(105);
    expect(said.join('')).toContain('stopping the run');
  });

  it('goes on from what the broker has counted when it missed something, and reads those rows at the end', async () => {
    const { io, said } = terminal('');
    const seen: string[] = [];
    const events = (async function* (): AsyncGenerator<OriginalEvent, void> {
      const at = { kind: 'snapshot', run: 'r', active: true, exact: true } as const;
      yield { ...at, counts: {}, missed: false };
      yield { kind: 'rows', run: 'r', rows: [ROW] };
      yield { ...at, counts: { startTest: 3, mine: 2 }, missed: true };
      yield { ...at, run: 'other', counts: { startTest: 100 }, missed: true };
      yield { kind: 'rows', run: 'r', rows: [ROW] };
      yield { kind: 'finished', run: 'r' };
    })();
    const code = await follow(io, events, {
      getCounts: async () => ({ startTest: 4, mine: 2 }),
      async *getData(run) {
        seen.push(run);
        yield* [ROW, ROW, ROW, ROW];
      },
    });
    expect(code).toBe(0);
    expect(said.join('').match(/some rows were missed/g)).toHaveLength(1);
    expect(said.join('')).toContain('4 started, 0 ended');
    expect(seen).toEqual(['r']);
  });

  it('reads the rows that it missed', async () => {
    const { io, said } = terminal('');
    const events = (async function* (): AsyncGenerator<OriginalEvent, void> {
      yield { kind: 'finished', run: 'r' };
    })();
    const code = await follow(io, events, {
      getCounts: async () => ({ startTest: 2, addFailure: 1 }),
      async *getData() {
        yield ROW;
        yield ROW;
        yield { data_type: 'addFailure', test: 't', exc_info: ['E', 'missed'], ...status };
      },
    });
    expect(code).toBe(99);
    expect(said.join('')).toContain('1 x failure in t: E: missed');
  });
});
