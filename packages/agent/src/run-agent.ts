import { EXIT, exitCodeOf, MusterError } from '@muster/protocol';
import { readConfiguration } from './options/read-configuration.js';
import { serveAgent } from './start-agent.js';
import { AGENT_VERSION } from './version.js';

/**
 * The program `muster-agent`: works until SIGTERM or SIGINT, then stops what is in progress, hands its results over and
 * leaves; a second signal makes it leave at once. Faults go to standard error, one line each.
 *
 * @returns the exit code: 0 after it left; 104 for a wrong configuration or a data folder that is taken.
 */
export const runAgent = async (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  try {
    const asked = await readConfiguration(argv, env, AGENT_VERSION, (text) => process.stdout.write(text));
    if (asked.do === 'nothing') return EXIT.passed;
    const agent = await serveAgent(asked.options);
    if (asked.options.insecure)
      process.stderr.write('muster-agent: --insecure: whoever answers as its broker can run code on this machine\n');
    const quit = () => void agent.close();
    process.on('SIGTERM', quit);
    process.on('SIGINT', quit);
    await agent.closed;
    process.off('SIGTERM', quit);
    process.off('SIGINT', quit);
    return EXIT.passed;
  } catch (thrown) {
    const error = MusterError.from(thrown);
    process.stderr.write(`muster-agent: ${error.message}\n`);
    return exitCodeOf(error.code);
  }
};
