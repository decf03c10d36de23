import { check, fail, group, http, type Options, sleep, Trend } from '@muster/script';

// A small shop: everybody looks, some buy. Run it against the demo's target (after `npm run build`):
//   PORT=8080 node packages/testkit/dist/target/main.js &
//   muster run examples/shop.ts -e BASE_URL=http://127.0.0.1:8080
export const options: Options = {
  scenarios: {
    browse: {
      executor: 'ramping-vus',
      startVUs: 2,
      stages: [
        { duration: '5s', target: 20 },
        { duration: '12s', target: 20 },
      ],
      gracefulRampDown: '2s',
    },
    buy: {
      executor: 'constant-arrival-rate',
      exec: 'buy',
      rate: 50,
      timeUnit: '1s',
      duration: '17s',
      preAllocatedVUs: 20,
      maxVUs: 40,
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.05'],
    http_req_duration: ['p(95)<500', 'p(99)<1000'],
    'http_req_duration{name:pay}': ['p(95)<500'],
    checks: ['rate>0.95'],
  },
};

const BASE = __ENV.BASE_URL ?? 'http://127.0.0.1:8080';
const basketSize = new Trend('basket_size');

interface Shop {
  readonly token: string;
}

// Runs once in the whole cluster; what it returns reaches every virtual user.
export async function setup(): Promise<Shop> {
  const res = await http.post(`${BASE}/echo`, JSON.stringify({ user: 'demo' }), { tags: { name: 'login' } });
  if (res.status !== 200) fail(`can't log in: ${res.error || res.status}`);
  return { token: 'demo-token' };
}

export default async function browse(shop: Shop): Promise<void> {
  await group('front page', async () => {
    const page = await http.get(`${BASE}/`, { headers: { authorization: shop.token } });
    check(page, { 'status is 200': (r) => r.status === 200 });
  });
  await group('item', async () => {
    const item = await http.get(`${BASE}/delay?ms=20`, { tags: { name: 'item' } });
    check(item, { 'item is there': (r) => r.status === 200 });
  });
  await sleep(0.2);
}

export async function buy(shop: Shop): Promise<void> {
  await group('basket', async () => {
    basketSize.add(1 + Math.floor(Math.random() * 5));
    const paid = await http.post(`${BASE}/echo`, { item: '42', token: shop.token }, { tags: { name: 'pay' } });
    check(paid, { paid: (r) => r.status === 200 });
  });
}
