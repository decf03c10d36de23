import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OriginalQuery } from '../src/original/original-results.js';
import type { HeardRows, RowGroup, RowStore } from '../src/store/rows/row-store.js';

/** Rows of the original under test; `reopen` closes the store and opens the same data again. */
export interface RowsUnderTest {
  readonly rows: RowStore;
  /** Null: what it holds goes with its process. */
  readonly reopen: (() => Promise<RowStore>) | null;
  dispose(): Promise<void>;
}

/** What the store is opened with. */
export interface RowsOptions {
  readonly keepRows?: boolean;
  readonly maxSize?: string;
}

type Row = Readonly<Record<string, unknown>>;

/** Messages as the receiver hands them over. */
export const groupOf = (messages: readonly (object | string | Buffer)[]): RowGroup => {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let at = 0;
  for (const message of messages) {
    const bytes = Buffer.isBuffer(message)
      ? message
      : Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
    parts.push(Buffer.from(at === 0 ? '[' : ','), bytes);
    at += 1 + bytes.byteLength;
    ends.push(at);
  }
  return { bytes: Uint8Array.from(Buffer.concat([...parts, Buffer.from(']')])), ends };
};

const ALL: OriginalQuery = { dataType: null, groupby: false, start: 0, size: null };
const hit = (url: string, more: object = {}) => ({
  data_type: 'add_hit',
  agent_id: 'vm-1',
  run_id: 'run',
  url,
  method: 'GET',
  status: 200,
  started: '2013-08-23T10:00:00',
  elapsed: 0.5,
  ...more,
});
const batchOf = (counts: object, run = 'run') => ({ data_type: 'batch', agent_id: 'vm-1', run_id: run, counts });
const single = (kind: string, more: object = {}) => ({ data_type: kind, agent_id: 'vm-1', run_id: 'run', ...more });

/** What every store must do with rows of the original, whatever it is made of. */
export const describeRows = (name: string, make: (options?: RowsOptions) => Promise<RowsUnderTest>): void => {
  describe(`rows of the original in the ${name} store`, () => {
    let under: RowsUnderTest;
    let rows: RowStore;
    const opened = async (options?: RowsOptions) => {
      under = await make(options);
      rows = under.rows;
    };
    beforeEach(() => opened());
    afterEach(() => under.dispose());
    const reopened = async () => {
      if (under.reopen !== null) rows = await under.reopen();
    };
    const keep = async (...messages: (object | string | Buffer)[]): Promise<HeardRows> => {
      const { heard, kept } = rows.take(groupOf(messages));
      await kept;
      return await heard;
    };
    const listed = async (lists: AsyncIterable<readonly string[]>): Promise<Row[]> => {
      const all: Row[] = [];
      for await (const texts of lists) all.push(...texts.map((text) => JSON.parse(text) as Row));
      return all;
    };
    const data = (query: Partial<OriginalQuery> = {}, run = 'run') => listed(rows.data(run, { ...ALL, ...query }));
    const errors = (start = 0, size: number | null = null) => listed(rows.errors('run', { start, size }));

    it('are nothing of a run that nobody knows, and asking makes none', async () => {
      expect(await rows.counts('nobody')).toEqual({});
      expect(await rows.urls('nobody')).toEqual({});
      expect(await rows.metadata('nobody')).toEqual({});
      expect([await data({}, 'nobody'), await data({ groupby: true }, 'nobody')]).toEqual([[], []]);
      await rows.summarise('nobody');
      await rows.ended('nobody');
      await rows.delete('nobody');
      expect(await rows.runs()).toEqual([]);
    });

    it('are counted by kind and URL, a size in place of one, and stay what they are over a restart', async () => {
      await keep(
        single('mine'),
        single('mine', { size: 'x' }),
        single('socket_message', { size: 512 }),
        hit('http://a/'),
      );
      await keep(
        batchOf({ socket_message: [{ size: 8 }, { size: 0.5 }], add_hit: [hit('http://a/'), hit('http://b/')] }),
      );
      const expected = { mine: 2, socket_message: 520.5, add_hit: 3 };
      expect(await rows.counts('run')).toEqual(expected);
      await reopened();
      expect(await rows.counts('run')).toEqual(expected);
      expect(await rows.urls('run')).toEqual({ 'http://a/': 2, 'http://b/': 1 });
      expect(await rows.metadata('run')).toEqual({ has_data: 1 });
      await keep(single('mine'));
      expect(await rows.counts('run')).toEqual({ ...expected, mine: 3 });
    });

    it('come back oldest first with the envelope’s kind, agent and run, pages counted after the filter', async () => {
      for (let n = 0; n < 6; n += 1)
        await keep(batchOf({ a: [{ n: 2 * n }, { n: 2 * n + 1 }], b: [{ n }] }), single('c', { n }));
      await reopened();
      const a = await data({ dataType: 'a' });
      expect(a).toEqual(Array.from({ length: 12 }, (_, n) => ({ n, data_type: 'a', agent_id: 'vm-1', run_id: 'run' })));
      expect(await data()).toHaveLength(24);
      expect((await data({ dataType: 'a', start: 3, size: 4 })).map(({ n }) => n)).toEqual([3, 4, 5, 6]);
      expect((await data({ dataType: 'b', start: 4 })).map(({ n }) => n)).toEqual([4, 5]);
      expect(await data({ dataType: 'c', start: 6 })).toEqual([]);
      expect(await data({ size: 0 })).toEqual([]);
      expect(await data({ start: 20, size: 100 })).toHaveLength(4);
    });

    it('that are equal are one with a count, in the order in which they first came', async () => {
      await keep(single('b', { x: 1 }), batchOf({ a: [{ y: 1, z: 2 }, { z: 2, y: 1 }, { y: 2 }] }));
      await keep(single('b', { x: 1 }), single('a', { z: 2, y: 1, count: 9 }));
      const of = { agent_id: 'vm-1', run_id: 'run' };
      const grouped = [
        { ...of, data_type: 'b', x: 1, count: 2 },
        { ...of, data_type: 'a', y: 1, z: 2, count: 3 },
        { ...of, data_type: 'a', y: 2, count: 1 },
      ];
      expect(await data({ groupby: true })).toEqual(grouped);
      expect(await data({ groupby: true, dataType: 'a', start: 1, size: 5 })).toEqual([grouped[2]]);
    });

    it('may hold any bytes: separators of the original, text that is no UTF-8, names of prototypes', async () => {
      const zlib = Buffer.concat([
        Buffer.from('{"data_type":"x","run_id":"run","t":"'),
        Buffer.from([0x78, 0x8c]),
        Buffer.from('"}'),
      ]);
      await keep(zlib, single('x', { t: 'x\u008c' }), batchOf({ x: [{ t: 'x\u008cx\u0153\u0000"]},{' }] }));
      await keep('{"data_type":"x","run_id":"run","__proto__":{"a":1},"\\u005f_proto__":1,"t":"p"}');
      await reopened();
      expect((await data({ dataType: 'x' })).map(({ t }) => t)).toEqual([
        'x\ufffd',
        'x\u008c',
        'x\u008cx\u0153\u0000"]},{',
        'p',
      ]);
      expect(Object.keys((await data({ start: 3 }))[0] ?? {})).toEqual(['data_type', 'run_id', 't']);
      expect(await rows.counts('run')).toEqual({ x: 4 });
    });

    it('that fit nothing are dropped, and take no others with them', async () => {
      const swallowing = ['{"data_type":"x","run_id":"run","a":[{"b":1}', '{"c":1}]}'];
      const { dropped } = await keep(
        'no json',
        ...swallowing,
        batchOf({ add_hit: [hit('http://a/'), { url: 'alone' }], mine: [{}] }),
        single('add_hit'),
        { data_type: 'mine', agent_id: 'vm-1', run_id: '../x' },
        { data_type: 'mine' },
        batchOf([]),
        single('mine'),
      );
      expect(dropped).toHaveLength(8);
      await reopened();
      expect(await rows.counts('run')).toEqual({ add_hit: 1, mine: 2 });
      expect(await data()).toHaveLength(3);
      expect(await rows.runs()).toEqual(['run']);
    });

    it('of several runs in one group go each to its own', async () => {
      const { senders, homeless } = await keep(single('a'), batchOf({ a: [{}, {}] }, 'other'), single('a'), {
        data_type: 'a',
        agent_id: 7,
      });
      expect(await rows.counts('run')).toEqual({ a: 2 });
      expect(await data({}, 'other')).toHaveLength(2);
      expect(senders.map(({ run, agent }) => [run, agent])).toEqual([
        ['run', 'vm-1'],
        ['other', 'vm-1'],
      ]);
      expect(homeless).toEqual([{ agent: '7', text: '{"data_type":"a","agent_id":7}' }]);
      expect(await rows.runs()).toEqual(['run', 'other']);
    });

    it('that are errors and failures are listed, also when the others are gone, and no row is counted twice', async () => {
      await rows.open('run', { keep: 1 });
      const error = (n: number) => single('addError', { n, exc_info: ['T', 'boom', 'at'] });
      await keep(
        error(0),
        single('addFailure', { n: 1 }),
        hit('http://a/'),
        batchOf({ addError: [{ n: 2 }], x: [{}] }),
      );
      expect((await errors()).map(({ n }) => n)).toEqual([0, 1, 2]);
      await rows.summarise('run');
      await keep(error(3), hit('http://a/'));
      await reopened();
      expect((await errors()).map(({ n }) => n)).toEqual([0, 1, 2, 3]);
      expect((await errors(1, 2)).map(({ n }) => n)).toEqual([1, 2]);
      expect(await data()).toEqual([]);
      expect(await rows.counts('run')).toEqual({ addError: 3, addFailure: 1, add_hit: 2, x: 1 });
      expect(await rows.urls('run')).toEqual({ 'http://a/': 2 });
      expect(await rows.metadata('run')).toEqual({ keep: 1, has_data: 1 });
      await rows.summarise('run');
      expect(await errors()).toHaveLength(4);
    });

    it('have metadata that are replaced by a beginning, merged by a note, and listed oldest first', async () => {
      await rows.open('z', { a: 1 });
      await rows.updateMetadata('y', { stopped: true });
      await Promise.all([rows.updateMetadata('z', { b: 2 }), rows.updateMetadata('z', { c: 3 }), keep(single('x'))]);
      await reopened();
      expect(await rows.metadata('z')).toEqual({ a: 1, b: 2, c: 3 });
      expect(await rows.metadata('y')).toEqual({ stopped: true });
      expect(await rows.runs()).toEqual(['z', 'y', 'run']);
    });

    it('go with their run, and late ones do not bring it back', async () => {
      await rows.open('run', {});
      await keep(single('x'));
      await rows.delete('run');
      expect((await keep(single('x'))).dropped).toEqual(['a row of a run that was deleted']);
      await reopened();
      expect(await rows.runs()).toEqual([]);
      expect([await rows.counts('run'), await rows.metadata('run'), await data()]).toEqual([{}, {}, []]);
    });

    it('stay after the end of a run unless the store or the run is told otherwise', async () => {
      const left = async (metadata: Row) => {
        await rows.open('run', metadata);
        await keep(single('x'), single('addError'));
        await rows.ended('run');
        await rows.ended('run');
        expect(await rows.counts('run')).toEqual({ x: 1, addError: 1 });
        expect(await errors()).toHaveLength(1);
        return (await data()).length;
      };
      expect(await left({})).toBe(2);
      await under.dispose();
      await opened();
      expect(await left({ keep_rows: false })).toBe(0);
      await under.dispose();
      await opened({ keepRows: false });
      expect(await left({})).toBe(0);
      await under.dispose();
      await opened({ keepRows: false });
      expect(await left({ keep_rows: true })).toBe(2);
    });

    it('of the oldest runs that are over make room for a new one, and no others', async () => {
      await under.dispose();
      await opened({ maxSize: '900KB' });
      const large = (run: string) =>
        batchOf({ x: Array.from({ length: 2_000 }, (_, n) => ({ n, text: `${n} `.repeat(30) })) }, run);
      for (const [run, active] of [
        ['first', false],
        ['second', true],
        ['third', false],
      ] as const) {
        await rows.open(run, { active });
        await keep(large(run));
        await rows.ended(run);
      }
      await rows.open('fourth', { active: true });
      expect(await rows.runs()).not.toContain('first');
      expect(await rows.runs()).toEqual(expect.arrayContaining(['second', 'fourth']));
    });

    it('that nobody began are bounded by the number of their runs', async () => {
      const strays = Array.from({ length: 300 }, (_, n) => ({ data_type: 'x', run_id: `stray-${n}` }));
      await rows.open('run', {});
      for (let n = 0; n < 300; n += 1) await rows.updateMetadata(`stray-${n}`, { n }).catch(() => undefined);
      expect(await rows.runs()).toHaveLength(257);
      const { dropped } = await keep(...strays.slice(256), single('x'));
      expect(dropped).toHaveLength(44);
      expect(await rows.counts('run')).toEqual({ x: 1 });
    });

    it('are taken no more once it is closed', async () => {
      await rows.open('run', {});
      await under.dispose();
      const { heard, kept } = rows.take(groupOf([single('x')]));
      await expect(kept).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(heard).rejects.toMatchObject({ code: 'CLOSED' });
      await opened();
    });
  });
};
