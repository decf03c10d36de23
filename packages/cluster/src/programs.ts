import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

const program = (packageName: string, bin: string): string =>
  join(dirname(require.resolve(`${packageName}/package.json`)), 'bin', bin);

/** The installed `muster-broker`, as a file for node. */
export const brokerProgram = (): string => program('@muster/broker', 'muster-broker.js');
/** The installed `muster-agent`, as a file for node. */
export const agentProgram = (): string => program('@muster/agent', 'muster-agent.js');
