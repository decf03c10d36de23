import { check, http, type Options } from '@muster/script';

// A test that fails: its threshold is not met, and the command ends with 99.
export const options: Options = {
  baseUrl: 'http://127.0.0.1:9000',
  iterations: 10,
  thresholds: { checks: ['rate==1'] },
};

export default async function failure(): Promise<void> {
  const page = await http.get('/');
  check(page, { 'the page says something else': ({ body }) => String(body).includes('Goodbye') });
}
