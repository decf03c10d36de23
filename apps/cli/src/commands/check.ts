import { resolve } from 'node:path';
import { inspectBundle } from '@muster/agent';
import { bundleFile } from '@muster/bundle';
import { EXIT, MusterError } from '@muster/protocol';
import { environment } from '../flags.js';
import type { Io } from '../io.js';
import { typeFaults } from '../type-faults.js';
import { duration } from '../view/format.js';

/** Types (if TypeScript is installed), bundle and options of a test; its functions are not run. */
export const checkCommand = async (
  file: string,
  flags: { readonly env?: readonly string[] },
  io: Io,
): Promise<number> => {
  const path = resolve(io.cwd, file);
  const bundle = await bundleFile(path);
  const types = typeFaults(path);
  for (const fault of types.faults) io.err(`${fault}\n`);
  const found = await inspectBundle(bundle, environment(flags.env ?? [], io.env));
  if (!found.ok) {
    throw new MusterError(
      'BAD_OPTIONS',
      found.faults.map(({ path: at, message }) => (at === '' ? message : `${at}: ${message}`)).join('\n'),
    );
  }
  if (types.faults.length > 0) {
    throw new MusterError(
      'BAD_OPTIONS',
      `${types.faults.length} type error${types.faults.length === 1 ? '' : 's'} in ${file}`,
    );
  }
  io.out(
    `${file} is fine: ${types.checked ? 'types, options and bundle' : 'options and bundle (types not checked: TypeScript is not installed here)'}\n`,
  );
  for (const scenario of found.scenarios) {
    const ends = scenario.endMs === null ? 'ends by its iterations' : `up to ${duration(scenario.endMs)}`;
    io.out(`  ${scenario.name}: ${scenario.executor}, up to ${scenario.maxVus} VUs, ${ends}\n`);
  }
  return EXIT.passed;
};
