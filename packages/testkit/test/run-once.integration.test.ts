import { runOnce } from '@muster/engine/testing';
import { barrier, Counter, check, claim, exec, fail, group, http, once, Trend } from '@muster/script';
import { startTarget, type Target } from '@muster/testkit/target';
import { afterAll, beforeAll, expect, it } from 'vitest';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

// Made where no test runs yet, as in a file that a test runner imports.
const sizes = new Trend('body_size');
const visits = new Counter('visits');

it('runs setup, one iteration and teardown, and gives checks, metrics and errors', async () => {
  const calls: string[] = [];
  const shop = {
    options: { thresholds: { checks: ['rate==1'] }, scenarios: { it: { executor: 'constant-vus', duration: '1h' } } },
    setup: async () => {
      calls.push('setup');
      return { token: (await http.get(`${__ENV.BASE_URL}/echo`)).status };
    },
    default: async (data: { readonly token: number }) => {
      calls.push(`iteration ${exec.vu.idInTest} ${data.token}`);
      await group('page', async () => {
        const page = await http.get(`${__ENV.BASE_URL}/bytes?n=100`, { tags: { name: 'page' } });
        check(page, { 'is there': ({ status }) => status === 200, 'is small': ({ status }) => status === 201 });
        sizes.add(100);
        visits.add(2, { kind: 'test' });
      });
      await http.get(`${__ENV.BASE_URL}/close-mid-body`);
    },
    teardown: (data: { readonly token: number }) => calls.push(`teardown ${data.token}`),
  };
  const result = await runOnce(shop, { env: { BASE_URL: target.url } });
  expect(calls).toEqual(['setup', 'iteration 1 200', 'teardown 200']);
  expect(result.checks).toEqual([
    { name: 'is there', passes: 1, fails: 0 },
    { name: 'is small', passes: 0, fails: 1 },
  ]);
  expect(result.metrics.http_reqs?.values.count).toBe(3);
  expect(result.select('http_reqs{name:page,status:200}')?.values.count).toBe(1);
  expect(result.select('visits{kind:test}')?.values.count).toBe(2);
  expect(result.metrics.body_size?.values.max).toBe(100);
  expect(result.metrics.iterations?.values.count).toBe(1);
  expect(result.errors).toMatchObject([{ code: 'HTTP_TRUNCATED', count: 1 }]);
  expect(result.data).toEqual({ token: 200 });
  expect(result.aborted).toBeNull();
});

it('tells what the test throws with its line, and throws nothing itself', async () => {
  const broken = await runOnce({ default: () => fail('no luck') });
  expect(broken.errors).toMatchObject([{ code: 'FAIL', message: 'no luck' }]);
  const thrown = await runOnce({
    default: () => {
      throw new RangeError('here');
    },
  });
  expect(thrown.errors).toMatchObject([{ code: 'SCRIPT_EXCEPTION', message: 'RangeError: here' }]);
  expect(thrown.errors[0]?.where).toMatch(/run-once\.integration\.test\.ts:\d+:\d+$/);
  let ran = false;
  const unready = await runOnce({
    setup: () => Promise.reject(new Error('not ready')),
    default: () => {
      ran = true;
    },
  });
  expect(unready.errors).toMatchObject([{ code: 'SETUP_FAILED', message: 'Error: not ready' }]);
  expect(ran).toBe(false);
  const aborted = await runOnce({ default: () => exec.test.abort('enough') }, { iterations: 5 });
  expect(aborted.aborted).toBe('enough');
  expect(aborted.metrics.iterations?.values.count).toBe(1);
});

it('is alone where a cluster would agree', async () => {
  const seen: unknown[] = [];
  await runOnce(
    {
      buy: async () => {
        seen.push(await once('token', () => seen.length), await barrier('all'), await claim('row', 2));
      },
    },
    { exec: 'buy', iterations: 2 },
  );
  expect(seen).toEqual([
    0,
    { arrived: 1, lost: 0 },
    { from: 0, count: 2 },
    0,
    { arrived: 1, lost: 0 },
    { from: 2, count: 2 },
  ]);
});

it('imports the file with __ENV in its place, refuses a second at a time, and leaves no trace', async () => {
  const random = Math.random;
  let top: string | undefined;
  const result = await runOnce(
    async () => {
      top = __ENV.WHO;
      return {
        default: async () => {
          await expect(runOnce({ default: () => undefined })).rejects.toThrow('[ABORTED]');
        },
      };
    },
    { env: { WHO: 'me' } },
  );
  expect(result.errors).toEqual([]);
  expect(top).toBe('me');
  expect(Math.random).toBe(random);
  expect('__ENV' in globalThis).toBe(false);
  await expect(runOnce({ other: () => undefined })).rejects.toThrow('[BAD_OPTIONS]');
});
