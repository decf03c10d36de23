import { Counter, check, group, http, type Options } from '@muster/script';

// Many requests, and a counter of its own. `--users 10:20 --hits 5:10` in the place of the options works as in Loads.
export const options: Options = {
  baseUrl: 'http://127.0.0.1:9000',
  vus: 10,
  iterations: 200,
  thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'], logins: ['count>0'] },
};

const logins = new Counter('logins');
const basic = { headers: { Authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' } };

export default async function volume(): Promise<void> {
  const page = await http.get('/');
  check(page, { welcome: ({ body }) => String(body).includes('Welcome') });
  await group('login', async () => {
    const inside = await http.get('/auth', basic);
    if (check(inside, { 'logged in': ({ status }) => status === 200 })) logins.add(1);
  });
}
