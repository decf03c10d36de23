import { check, http, type Options } from '@muster/script';

// One request of each agent: does the cluster work at all, and is the server there?
export const options: Options = {
  baseUrl: 'http://127.0.0.1:9000',
  iterations: 1,
  thresholds: { checks: ['rate==1'] },
};

export default async function health(): Promise<void> {
  const page = await http.get('/');
  check(page, { 'the page is there': ({ status }) => status === 200 });
}
