import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleFile, readBundleHead } from '@muster/bundle';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const KEY = Symbol.for('@muster/frames');
const frames: { current: string | undefined } = { current: undefined };

let folder: string;
let made = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-frames-'));
  Object.defineProperty(globalThis, KEY, { value: frames, configurable: true });
});
afterEach(async () => {
  Reflect.deleteProperty(globalThis, KEY);
  await rm(folder, { recursive: true, force: true });
});

const bundleOf = async (code: string) => {
  const file = join(folder, 't.ts');
  await writeFile(file, code);
  return bundleFile(file);
};
type Test = (tools: { readonly turn: () => Promise<void>; readonly note: (what: string) => void }) => Promise<unknown>;

/** Runs a test as two users whose turns are mixed. @returns who was found where */
const runAsTwo = async (code: string): Promise<Record<string, (string | undefined)[]>> => {
  const bundle = await bundleOf(code);
  expect(readBundleHead(bundle.bytes).frames).toBe(true);
  made += 1;
  const file = join(folder, `made-${made}.mjs`);
  await writeFile(file, bundle.bytes);
  const { default: test } = (await import(pathToFileURL(file).href)) as { default: Test };
  const found: Record<string, (string | undefined)[]> = {};
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(() => {
        // Nobody is at work between two turns.
        frames.current = 'nobody';
        resolve();
      });
    });
  const as = (user: string): Promise<unknown> => {
    frames.current = user;
    return test({
      turn,
      note: (what) => {
        found[what] ??= [];
        found[what].push(frames.current);
      },
    });
  };
  await Promise.all([as('one'), as('two')]);
  return found;
};
const BOTH = ['one', 'two'];

describe('a bundle that keeps its frames', () => {
  it('finds its user again after every await, also of what others settle', async () => {
    const found = await runAsTwo(`
      let shared;
      const later = async ({ turn }) => { await turn(); return 1; };
      export default async ({ turn, note }) => {
        note('start');
        await turn();
        note('turn');
        shared ??= later({ turn });
        await shared;
        note('shared');
        const all = await Promise.all([1, 2].map(async (n) => { await turn(); note('inside'); return n; }));
        note('all');
        const sum = (await later({ turn })) + (await Promise.resolve(await later({ turn }))) + all.length;
        note(\`sum \${sum}\`);
      };
    `);
    for (const what of ['start', 'turn', 'shared', 'all', 'sum 4']) expect(found[what]?.sort()).toEqual(BOTH);
    expect(found.inside?.sort()).toEqual(['one', 'one', 'two', 'two']);
  });

  it('finds it where a failure is caught, and after it', async () => {
    const found = await runAsTwo(`
      const fail = async (turn) => { await turn(); throw new Error('as planned'); };
      export default async ({ turn, note }) => {
        for (let n = 0; n < 2; n += 1) try {
          await fail(turn);
        } catch { note('caught'); if (n === 0) continue; } finally { note('at last'); }
        outer: try { try { await fail(turn); } finally { note('inner'); } } catch { break outer; }
        note('end');
      };
    `);
    expect(found.caught?.sort()).toEqual(['one', 'one', 'two', 'two']);
    expect(found['at last']?.sort()).toEqual(['one', 'one', 'two', 'two']);
    for (const what of ['inner', 'end']) expect(found[what]?.sort()).toEqual(BOTH);
  });

  it('leads a line of it back to the same line and column of the author', async () => {
    const lines = [
      'export default async ({ turn }) => {',
      '  await turn(); await turn(); throw new Error("here");',
      '};',
    ];
    const bundle = await bundleOf(lines.join('\n'));
    const text = new TextDecoder().decode(bundle.bytes);
    const map = JSON.parse(Buffer.from(text.slice(text.lastIndexOf(',') + 1), 'base64').toString('utf8'));
    const { TraceMap, originalPositionFor } = await import('@jridgewell/trace-mapping');
    const made = text.split('\n');
    const line = made.findIndex((each) => each.includes('new Error'));
    const column = made[line]?.indexOf('new Error') ?? -1;
    expect(originalPositionFor(new TraceMap(map), { line: line + 1, column })).toMatchObject({
      line: 2,
      column: lines[1]?.indexOf('new Error'),
    });
    const call = made.findIndex((each) => each.includes('await turn()'));
    const at = made[call]?.indexOf('turn()') ?? -1;
    expect(originalPositionFor(new TraceMap(map), { line: call + 1, column: at })).toMatchObject({
      line: 2,
      column: 8,
    });
  });

  it.each([
    ['then', 'export default () => Promise.resolve(1).then(() => 2);'],
    ['catch', 'export default () => Promise.resolve(1).catch(() => 2);'],
    ['a computed finally', "export default () => Promise.resolve(1)['finally'](() => 2);"],
    ['a thenable', 'export default async () => { await { then(f) { f(1); } }; };'],
    ['an async generator', 'export default async function* () { yield 1; };'],
    ['for await', 'export default async (xs) => { for await (const x of xs) x(); };'],
  ])('does not say so where code goes on in another way: %s', async (_, code) => {
    const bundle = await bundleOf(code);
    expect(readBundleHead(bundle.bytes).frames).toBeUndefined();
    expect(new TextDecoder().decode(bundle.bytes).split('\n').slice(2).join('\n')).not.toContain('__muster');
  });
});
