import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT, MusterError } from '@muster/protocol';
import type { Io } from '../io.js';

const firstTest = (
  typed: boolean,
): string => `import { check, http, ${typed ? 'type Options, ' : ''}sleep } from '@muster/script';

// What the load is and what must hold. Flags such as --vus 50 --duration 1m override it.
${typed ? '' : "/** @type {import('@muster/script').Options} */\n"}export const options${typed ? ': Options' : ''} = {
  vus: 10,
  duration: '30s',
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500'],
  },
};

const BASE = __ENV.BASE_URL ?? 'http://127.0.0.1:8080';

// Every virtual user runs this over and over.
export default async function () {
  const res = await http.get(\`\${BASE}/\`);
  check(res, { 'status is 200': (r) => r.status === 200 });
  await sleep(1);
}
`;

/** Writes a first test that is ready to run. */
export const newCommand = async (file: string, flags: { readonly force: boolean }, io: Io): Promise<number> => {
  const path = resolve(io.cwd, file);
  const text = firstTest(!/\.[cm]?js$/.test(file));
  await writeFile(path, text, { flag: flags.force ? 'w' : 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'EEXIST'
      ? new MusterError('BAD_CONFIG', `${file} is there already`, { hint: 'choose another name, or --force', cause })
      : new MusterError('BAD_CONFIG', `can't write ${file}: ${cause.message}`, { cause });
  });
  io.out(`wrote ${file}; run it with: muster run ${file} -e BASE_URL=http://127.0.0.1:8080\n`);
  return EXIT.passed;
};
