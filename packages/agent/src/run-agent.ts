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
    const stop = stopSignals(); // listened for before the agent is there: whoever sees it join may signal at once
    const agent = await serveAgent(asked.options);
    stop.tell(() => void agent.close());
    if (asked.options.insecure)
      process.stderr.write('muster-agent: --insecure: whoever answers as its broker can run code on this machine\n');
    await agent.closed;
    stop.off();
    return EXIT.passed;
  } catch (thrown) {
    const error = MusterError.from(thrown);
    process.stderr.write(`muster-agent: ${error.message}\n`);
    return exitCodeOf(error.code);
  }
};

/** Listens for SIGTERM and SIGINT from now on; those that came before somebody is told are told to it at once. */
const stopSignals = (): { tell(listener: () => void): void; off(): void } => {
  let listener = () => {
    early += 1;
  };
  let early = 0;
  const heard = () => listener();
  process.on('SIGTERM', heard);
  process.on('SIGINT', heard);
  return {
    tell: (told) => {
      listener = told;
      for (; early > 0; early -= 1) told();
    },
    off: () => {
      process.off('SIGTERM', heard);
      process.off('SIGINT', heard);
    },
  };
};
