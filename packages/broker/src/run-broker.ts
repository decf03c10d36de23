import { EXIT, exitCodeOf, MusterError } from '@muster/protocol';
import { readConfiguration } from './options/read-configuration.js';
import { probeBroker } from './shell/probe.js';
import { serveBroker } from './start-broker.js';
import { BROKER_VERSION } from './version.js';

/**
 * The program `muster-broker`: serves until SIGTERM or SIGINT, then closes cleanly. Faults go to standard error, one
 * line each.
 *
 * @returns the exit code: 0 after a clean stop; 104 for a wrong configuration, a taken address or a second broker; with
 * `--check` 0 when a broker answers and 122 when none does.
 */
export const runBroker = async (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  try {
    const asked = await readConfiguration(argv, env, BROKER_VERSION, (text) => process.stdout.write(text));
    if (asked.do === 'nothing') return EXIT.passed;
    if (asked.do === 'check') return await check(asked.options.bind.frontend);
    const stopped = stopSignal(); // listened for before the broker says that it is ready: whoever reads that may signal at once
    await using broker = await serveBroker(asked.options);
    await stopped;
    await broker.close();
    return EXIT.passed;
  } catch (thrown) {
    const error = MusterError.from(thrown);
    process.stderr.write(`muster-broker: ${error.message}\n`);
    return exitCodeOf(error.code);
  }
};

const check = async (frontend: string): Promise<number> => {
  const running = await probeBroker(frontend);
  if (running === null) {
    process.stdout.write(`no broker answers on ${frontend}\n`);
    return EXIT.brokerLost;
  }
  process.stdout.write(
    `a broker answers on ${frontend}: process ${running.pid ?? 'unknown'}, ${running.version === null ? 'of the original' : `version ${running.version}`}, ${running.agents} agents\n`,
  );
  return EXIT.passed;
};

const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
