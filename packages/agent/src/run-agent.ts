import { EXIT, exitCodeOf, MusterError } from '@muster/protocol';
import { Command, CommanderError } from 'commander';
import { type AgentOptions, optionsOfEnvironment, optionsOfFile, parseLabels } from './options.js';
import { startAgent } from './start-agent.js';
import { VERSION } from './version.js';

const program = (): Command =>
  new Command('muster-agent')
    .description('An agent: drives virtual users for a Muster broker.')
    .version(VERSION, '-V, --version')
    .option('-b, --broker <endpoint>', "the broker's frontend (default tcp://127.0.0.1:7780)")
    .option('--data <dir>', 'where the name, the outbox and bundles stay')
    .option('--node <name>', "the node's name (default: the host's)")
    .option('--workers <n>', 'worker processes per run (default: one per core)')
    .option('--label <name=value...>', 'labels of this node')
    .option('--token <token>', 'shown to the broker when signing on')
    .option('--max-heap-mb <n>', 'heap of each worker')
    .option('--hang-ms <n>', 'a worker that is blocked for so long is ended')
    .option('--rows-per-second <n>', 'rows of single requests kept when a run thins them')
    .option('--insecure', 'connect to addresses off this machine, unencrypted')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .option('--config <file>', 'a JSON file with the same options')
    .exitOverride();

/** Runs `muster-agent` until SIGTERM or SIGINT; the answer is the exit status. */
export const runAgent = async (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  try {
    const flags = program()
      .parse([...argv], { from: 'user' })
      .opts<Record<string, unknown> & { config?: string; label?: string[] }>();
    const { config, label, ...given } = flags;
    const file = config ?? env.MUSTER_AGENT_CONFIG;
    const options = {
      ...(file === undefined ? {} : optionsOfFile(file)),
      ...optionsOfEnvironment(env),
      ...given,
      ...(label === undefined ? {} : { labels: parseLabels(label) }),
    };
    const agent = await startAgent(options as AgentOptions);
    const end = (): void => void agent.close();
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    return await agent.closed;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.passed : EXIT.badOptions;
    const error = MusterError.from(thrown);
    process.stderr.write(`muster-agent: ${error.message}\n`);
    return exitCodeOf(error.code);
  }
};
