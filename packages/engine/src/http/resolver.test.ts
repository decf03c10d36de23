import { expect, it } from 'vitest';
import { Resolver } from './resolver.js';

const ALL = ['127.0.0.1', '::1', '127.0.0.2', '127.0.0.3'];
const FOUR = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
const defaults = { ttlMs: 300_000, select: 'first', policy: 'preferIPv4' } as const;

const counting = (addresses: readonly string[] = ALL) => {
  const lookup = Object.assign(
    async (): Promise<readonly string[]> => {
      lookup.asked += 1;
      return addresses;
    },
    { asked: 0 },
  );
  return lookup;
};

it.each<['preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any', readonly string[]]>([
  ['preferIPv4', [...FOUR, '::1']],
  ['preferIPv6', ['::1', ...FOUR]],
  ['onlyIPv4', FOUR],
  ['onlyIPv6', ['::1']],
  ['any', ALL],
])('%s chooses among families, and keeps the others for later where it only prefers', async (policy, expected) => {
  const resolver = new Resolver({ ...defaults, policy }, counting());
  expect(await resolver.resolve('shop')).toEqual(expected);
  expect(resolver.known('shop')).toEqual(expected);
});

it('takes the other family where the preferred one has no address, and none where only one will do', async () => {
  expect(await new Resolver(defaults, counting(['::1'])).resolve('shop')).toEqual(['::1']);
  const only = new Resolver({ ...defaults, policy: 'onlyIPv4' }, counting(['::1']));
  await expect(only.resolve('shop')).rejects.toMatchObject({ code: 'ENODATA' });
});

it('goes round, so that each address is first as often as any other', async () => {
  const resolver = new Resolver({ ...defaults, select: 'roundRobin' }, counting());
  const orders = [await resolver.resolve('shop'), ...Array.from({ length: 5 }, () => resolver.known('shop'))];
  expect(orders.map((order) => order?.[0])).toEqual([...FOUR, ...FOUR]);
  for (const order of orders) expect([...(order ?? [])].sort()).toEqual([...ALL].sort());
});

it('chooses at random without drawing from the test’s own numbers', async () => {
  const resolver = new Resolver({ ...defaults, select: 'random' }, counting());
  const { random } = Math;
  Math.random = () => {
    throw new Error('the numbers are the test’s');
  };
  try {
    const first = [await resolver.resolve('shop')].concat(
      Array.from({ length: 200 }, () => resolver.known('shop') ?? []),
    );
    expect([...new Set(first.map((order) => order[0]))].sort()).toEqual(FOUR);
  } finally {
    Math.random = random;
  }
});

it('asks once for all who ask meanwhile, then as the time to live says', async () => {
  const kept = counting();
  const resolver = new Resolver({ ...defaults, ttlMs: null }, kept);
  await Promise.all([resolver.resolve('shop'), resolver.resolve('shop')]);
  expect(resolver.known('shop')).not.toBeNull();
  expect(kept.asked).toBe(1);
  const fresh = counting();
  const never = new Resolver({ ...defaults, ttlMs: 0 }, fresh);
  await never.resolve('shop');
  expect(never.known('shop')).toBeNull();
  await never.resolve('shop');
  expect(fresh.asked).toBe(2);
});
