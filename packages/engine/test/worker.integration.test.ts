import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CountingTarget, startCountingTarget } from './support/counting-target.js';
import { FakeHost, type HostOptions } from './support/fake-host.js';

let target: CountingTarget;
const hosts: FakeHost[] = [];
beforeAll(async () => {
  target = await startCountingTarget();
});
afterAll(() => target.close());
afterEach(() => {
  for (const host of hosts.splice(0)) host.kill();
  target.served.clear();
  target.arrivals.length = 0;
});
const host = (given: HostOptions): FakeHost => {
  const made = new FakeHost({ ...given, env: { URL: target.url, ...given.env } });
  hosts.push(made);
  return made;
};

describe('a worker process', () => {
  it('runs users and reports exactly what the target counted', async () => {
    const worker = host({
      code: `
        export const options = { vus: 3, duration: '1200ms' };
        export default async function () { await http.get(__ENV.URL + '/delay?ms=5'); }`,
    });
    const done = await worker.run();
    expect(done.outcome).toBe('done');
    expect(target.total()).toBeGreaterThan(0);
    for (const metric of ['http_reqs', 'iterations', 'started', 'sent', 'answered', 'iterations_started'])
      expect(worker.count(metric), metric).toBe(target.total());
    expect(worker.values('http_req_duration')).toBe(target.total());
    expect(worker.rows).toHaveLength(target.total());
  });
});
