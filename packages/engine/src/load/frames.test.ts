import { describe, expect, it } from 'vitest';
import { type Frames, framesFor, KeptFrames, mayCallBack, PromiseFrames, StoredFrames } from './frames.js';
import type { Frame } from './virtual-user.js';

const frame = (name: string): Frame => ({ name }) as unknown as Frame;
/** Resolves in a turn of its own, outside of any frame. */
const outside = (): { readonly promise: Promise<void>; readonly resolve: () => void } => {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// Hooks stay for the life of the process: one for all tests.
const promised = new PromiseFrames().begin();

const KINDS: readonly (readonly [string, Frames])[] = [
  ['StoredFrames', new StoredFrames()],
  ['PromiseFrames', promised],
];

for (const [kind, frames] of KINDS)
  describe(kind, () => {
    const one = frame('one');
    const two = frame('two');

    it('keeps users apart whose awaits end in any order', async () => {
      const seen: (Frame | undefined)[] = [];
      const gates = [outside(), outside(), outside()];
      const work = async (own: Frame, order: readonly number[]): Promise<void> => {
        for (const n of order) {
          await gates[n]?.promise;
          await Promise.resolve();
          seen.push(frames.current === own ? own : undefined);
        }
      };
      const all = [
        frames.run(one, (order) => work(one, order), [0, 2, 1]),
        frames.run(two, (order) => work(two, order), [1, 0, 2]),
      ];
      expect(frames.current).toBeUndefined();
      for (const n of [1, 2, 0]) setImmediate(() => gates[n]?.resolve());
      await Promise.all(all);
      expect(seen).toHaveLength(6);
      expect(seen).not.toContain(undefined);
    });

    it('leaves everybody where they were when one of them settles what others wait for', async () => {
      const shared = outside();
      const found = new Map<string, Frame | undefined>();
      const wait = async (name: string): Promise<void> => {
        await shared.promise;
        found.set(name, frames.current);
      };
      const first = frames.run(
        one,
        async () => {
          await turn();
          shared.resolve();
          await wait('one');
        },
        undefined,
      );
      await Promise.all([first, frames.run(two, wait, 'two')]);
      expect(found.get('one')).toBe(one);
      expect(found.get('two')).toBe(two);
    });

    it('goes back out of a group, also one that failed, and keeps groups side by side apart', async () => {
      const inner = frame('inner');
      const other = frame('other');
      await frames.run(
        one,
        async () => {
          const group = async (own: Frame, fail: boolean): Promise<void> => {
            await turn();
            expect(frames.current).toBe(own);
            if (fail) throw new Error('as planned');
          };
          const both = [
            frames.run(inner, () => group(inner, true), undefined),
            frames.run(other, () => group(other, false), undefined),
          ];
          expect(frames.current).toBe(one);
          const ends = await Promise.allSettled(both);
          expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
          expect(frames.current).toBe(one);
          try {
            await frames.run(inner, () => group(inner, true), undefined);
          } catch {
            expect(frames.current).toBe(one);
          } finally {
            await turn();
            expect(frames.current).toBe(one);
          }
        },
        undefined,
      );
    });

    it('goes through chains, races, thenables and generators', async () => {
      const found: (Frame | undefined)[] = [];
      const note = (): void => void found.push(frames.current);
      const numbers = async function* (): AsyncGenerator<number> {
        for (let n = 0; n < 2; n += 1) {
          await turn();
          note();
          yield n;
        }
      };
      await frames.run(
        one,
        async () => {
          await turn().then(note).then(turn).finally(note);
          await Promise.race([turn(), new Promise(() => undefined)]);
          note();
          // biome-ignore lint/suspicious/noThenProperty: that is what is tested
          await { then: (resolve: () => void) => turn().then(note).then(resolve) };
          note();
          for await (const _ of numbers()) note();
        },
        undefined,
      );
      expect(found).toEqual(Array(9).fill(one));
    });
  });

describe('framesFor', () => {
  const key = Symbol.for('@muster/frames');

  it('gives a bundle that keeps its frames what it brings them back to', () => {
    const frames = framesFor('await x;', true);
    expect(frames).toBeInstanceOf(KeptFrames);
    expect((globalThis as Record<symbol, unknown>)[key]).toBe(frames);
    frames.back(frame('one'));
    expect(frames.current).toEqual(frame('one'));
    Reflect.deleteProperty(globalThis, key);
  });

  it('follows everything where code may be called back, and promises where the bundle does not keep its frames', () => {
    expect(framesFor('//\n//\nsetTimeout(f)', true)).toBeInstanceOf(StoredFrames);
    const { current } = promised;
    expect(framesFor('await x;', false)).toBeInstanceOf(PromiseFrames);
    expect(promised.current).toBe(current);
  });
});

describe('mayCallBack', () => {
  const bundle = (code: string): string =>
    [
      '// muster-bundle {"format":1}',
      "import { createRequire as __musterRequire } from 'node:module'; const require = 1;",
      'var runtime = globalThis[/* @__PURE__ */ Symbol.for("@muster/script")];',
      code,
      '//# sourceMappingURL=data:application/json;base64,process',
      '',
    ].join('\n');

  it('knows code that only awaits', () => {
    expect(mayCallBack(bundle('export default async () => { await http.get("x"); sleep(1); Math.random(); };'))).toBe(
      false,
    );
    expect(mayCallBack(bundle('var processed = 1; const reprocess = 2; importer();'))).toBe(false);
  });

  it.each([
    'import fs from "node:fs";',
    'await import("./x.js");',
    'new Promise((resolve) => setTimeout(resolve, 5));',
    'process.nextTick(f);',
    'globalThis["set" + "Timeout"](f)',
    'const x = require("net");',
    'new WebSocket(url).onmessage = f;',
    'queueMicrotask(f)',
  ])('says yes to %s', (code) => {
    expect(mayCallBack(bundle(code))).toBe(true);
  });
});
