import assert from 'node:assert/strict';
import { http, type Options } from '@muster/script';

// Three iterations of four throw. Each is counted, with its line, and the run goes on to its end.
export const options: Options = {
  baseUrl: 'http://127.0.0.1:9000',
  vus: 2,
  iterations: 40,
};

export default async function doesNotDie(): Promise<void> {
  const page = await http.get('/');
  if (__ITER % 4 === 1) throw new Error('something broke');
  if (__ITER % 4 === 2) assert.equal(page.status, 418);
  if (__ITER % 4 === 3) await http.get('/').then(() => Promise.reject(new TypeError('later')));
}
