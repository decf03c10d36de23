import { resolve } from 'node:path';
import { EXIT, exitCodeOf, MusterError } from '@muster/protocol';
import { Command, CommanderError, Option } from 'commander';
import { applyConfig } from './apply-config.js';
import { agentCommand } from './commands/agent.js';
import { agentsCommand } from './commands/agents.js';
import { annotateCommand } from './commands/annotate.js';
import { attachCommand } from './commands/attach.js';
import { brokerCommand } from './commands/broker.js';
import { checkCommand } from './commands/check.js';
import { checkClusterCommand } from './commands/check-cluster.js';
import { drainCommand } from './commands/drain.js';
import { newCommand } from './commands/new.js';
import { pingCommand } from './commands/ping.js';
import { purgeCommand } from './commands/purge.js';
import { runCommand } from './commands/run.js';
import type { RunFlags } from './commands/run-order.js';
import { runsCommand } from './commands/runs.js';
import { showCommand } from './commands/show.js';
import { stopCommand } from './commands/stop.js';
import { upCommand } from './commands/up.js';
import { collect, DEFAULT_DATA, seconds, share, whole } from './flags.js';
import type { Io } from './io.js';
import { ofNamedObservers, takeObserverFlags } from './observer-flags.js';
import { originalAliases } from './original-aliases.js';
import { VERSION } from './version.js';

/** Runs one command line (without `node` and the script); the answer is the exit status, and all errors are said. */
export const runCli = async (argv: readonly string[], io: Io): Promise<number> => {
  let status: number = EXIT.passed;
  try {
    // A broker reads options of observers itself: they are its own there.
    const isBroker = argv[0] === 'broker';
    const { argv: plain, options: observerOptions } = isBroker ? { argv, options: NONE } : takeObserverFlags(argv);
    const program = build(io, observerOptions, (code) => {
      status = code;
    });
    const names = program.commands.map((command) => command.name());
    await program.parseAsync([...originalAliases(plain, names)], { from: 'user' });
    return status;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.passed : EXIT.badOptions;
    const error = MusterError.from(thrown);
    io.err(`muster: ${error.message}\n`);
    if (error.code === 'INTERNAL' && io.env.MUSTER_DEBUG !== undefined)
      io.err(`${(error.cause as Error | undefined)?.stack ?? error.stack}\n`);
    return exitCodeOf(error.code);
  }
};

const NONE: ReadonlyMap<string, string> = new Map();

const broker = () => new Option('-b, --broker <endpoint>', "the broker's frontend (or MUSTER_BROKER)");
const ssh = () => new Option('--ssh <host>', 'reach the broker through ssh to [user@]host[:port]');
const json = () => new Option('--json', 'print JSON with stable names');

const build = (io: Io, observerOptions: ReadonlyMap<string, string>, exit: (code: number) => void): Command => {
  const program = new Command('muster')
    .description('Distributed load testing: write a test in TypeScript, muster agents, get a verdict.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(add --help for the flags)')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();

  program
    .command('run [file]')
    .description('run a test: in a cluster of its own, or on the cluster of --broker')
    .addOption(broker())
    .addOption(ssh())
    .option('-a, --agents <n>', 'agents to use (own cluster: to start; default 1)', whole(1))
    .option('-u, --vus <n>', 'virtual users, in the whole cluster', whole(1))
    .option('-d, --duration <time>', 'how long, as 30s or 1m30s')
    .option('-i, --iterations <n>', 'iterations, shared by all users', whole(1))
    .option('-s, --stage <time:target>', 'a stage of a ramp; may be given again', collect)
    .option('--users <list>', "the original's stages of users, as 10:20:30, for each agent")
    .option('--hits <list>', "the original's hits for each user, as 5:10")
    .option('-e, --env <name=value>', 'a variable for __ENV; may be given again', collect)
    .option('-q, --quiet', 'show neither progress nor summary', false)
    .option('--summary-export <file>', 'write the summary as JSON')
    .option('--detach', 'leave when the run is accepted', false)
    .addOption(
      new Option('--raw <which>', 'rows of single requests to keep')
        .choices(['thinned', 'all', 'none'])
        .default('thinned'),
    )
    .option('--seed <n>', 'seed of the random numbers', whole(0))
    .option('--min-coverage <share>', 'below it the run is invalid', share)
    .addOption(
      new Option('--orphan <what>', 'what agents do when the broker dies')
        .choices(['continue', 'stop'])
        .default('continue'),
    )
    .option('--observer <name>', 'told when the run ends; may be given again', collect)
    .option('--workers <n>', 'own cluster: worker processes per agent', whole(1))
    .option('--data <dir>', 'own cluster: where results stay', DEFAULT_DATA)
    .option('--config <file>', 'options from a file, JSON or INI; flags win')
    .option('--test-runner <command>', 'run this program in place of a test, one process for each user; {test} is FILE')
    .option(
      '--external-process-timeout <s>',
      'seconds that a program may take beyond its time, or for each hit',
      seconds,
    )
    .option('--include-file <pattern>', 'files that go along with --test-runner; may be given again', collect)
    .option('--npm-dep <package>', 'an npm package that the test needs; may be given again', collect)
    .option(
      '--server-url <url>',
      'the server under test: where relative URLs lead, BASE_URL in __ENV; kept with the run',
    )
    .option('--project-name <name>', 'kept with the run')
    .option('--user-id <name>', 'kept with the run')
    .option('--output <name[=file]>', 'console, file, null or junit; may be given again (default: console)', collect)
    .option('--output-file-filename <file>', 'where --output file writes')
    .option('--output-junit-filename <file>', 'where --output junit writes')
    .addOption(new Option('--test-dir <dir>', 'the folder that agents make for --test-runner').hideHelp())
    .addOption(new Option('--python-dep <package>').argParser(collect).hideHelp())
    .addOption(new Option('--batched', 'always so').hideHelp())
    .addOption(new Option('--no-patching', 'nothing is patched').hideHelp())
    .addOption(new Option('--no-dns-resolve', 'each connection asks for its address').hideHelp())
    .addOption(new Option('--zmq-receiver <endpoint>', 'the broker says it').hideHelp())
    .addOption(new Option('--zmq-publisher <endpoint>', 'the broker says it').hideHelp())
    .addHelpText(
      'after',
      '\nOptions of observers go to the broker as --observer-NAME-OPTION VALUE; docs/observers.md lists them.\nThe flags of loads-runner work here too; docs/coming-from-loads.md lists them.',
    )
    .action(async (file: string | undefined, given: RunFlags & { readonly config?: string }, command: Command) => {
      const config =
        given.config === undefined ? null : await applyConfig(command, resolve(io.cwd, given.config), given.config);
      const flags = command.opts<RunFlags>();
      const fromFile = ofNamedObservers(config?.observerOptions ?? NONE, flags.observer ?? []);
      const order = {
        file: file ?? config?.file ?? null,
        flags,
        observerOptions: new Map([...fromFile, ...observerOptions]),
      };
      exit(await runCommand(order, io));
    });

  program
    .command('up')
    .description('start a broker and agents on this machine, in the foreground')
    .option('-a, --agents <n>', 'agents to start', whole(1), 1)
    .option('--workers <n>', 'worker processes per agent', whole(1))
    .option('--frontend <endpoint>', 'where clients and agents connect', 'tcp://127.0.0.1:7780')
    .option('--data <dir>', 'where results stay', DEFAULT_DATA)
    .action(async (flags: Parameters<typeof upCommand>[0]) => exit(await upCommand(flags, io)));

  const passThrough = (name: 'broker' | 'agent', action: typeof brokerCommand) =>
    program
      .command(name)
      .description(name === 'broker' ? 'run a broker (as muster-broker does)' : 'run an agent (as muster-agent does)')
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .argument('[flags...]')
      .action(async (flags: string[]) => exit(await action(flags)));
  passThrough('broker', brokerCommand);
  passThrough('agent', agentCommand);

  program
    .command('ping')
    .description('ask the broker how it is')
    .addOption(broker())
    .addOption(ssh())
    .addOption(json())
    .action(async (flags) => exit(await pingCommand(flags, io)));
  program
    .command('agents')
    .description('list the agents')
    .addOption(broker())
    .addOption(ssh())
    .addOption(json())
    .action(async (flags) => exit(await agentsCommand(flags, io)));
  program
    .command('runs')
    .description('list the runs')
    .addOption(broker())
    .addOption(ssh())
    .addOption(json())
    .option('--limit <n>', 'at most so many', whole(1), 20)
    .option('--data <dir>', `these results, without a broker (${DEFAULT_DATA} when none answers)`)
    .action(async (flags) => exit(await runsCommand(flags, io)));
  program
    .command('show <run>')
    .description('show how a run went; its id may be shortened')
    .addOption(broker())
    .addOption(ssh())
    .addOption(json())
    .option('--data <dir>', `these results, without a broker (${DEFAULT_DATA} when none answers)`)
    .action(async (run: string, flags) => exit(await showCommand(run, flags, io)));
  program
    .command('attach [run]')
    .description('follow a run to its end; without a name the only active one')
    .addOption(broker())
    .addOption(ssh())
    .option('--output <name[=file]>', 'console, file, null or junit; may be given again (default: console)', collect)
    .option('--output-file-filename <file>', 'where --output file writes')
    .option('--output-junit-filename <file>', 'where --output junit writes')
    .option('-q, --quiet', 'show neither progress nor summary', false)
    .option('--summary-export <file>', 'write the summary as JSON')
    .action(async (run: string | undefined, flags) => exit(await attachCommand(run, flags, io)));
  program
    .command('stop <run>')
    .description('stop a run')
    .addOption(broker())
    .addOption(ssh())
    .option('--reason <text>', 'why, for the report', 'stopped by the user')
    .option('--force', 'do not wait for iterations to end', false)
    .action(async (run: string, flags) => exit(await stopCommand(run, flags, io)));
  program
    .command('annotate <run> <text>')
    .description('write a line into the history of a run that goes on')
    .addOption(broker())
    .addOption(ssh())
    .action(async (run: string, text: string, flags) => exit(await annotateCommand(run, text, flags, io)));
  program
    .command('drain <agent>')
    .description('let an agent take no more runs; one in progress goes on')
    .addOption(broker())
    .addOption(ssh())
    .action(async (agent: string, flags) => exit(await drainCommand(agent, flags, io)));
  program
    .command('check-cluster')
    .description('run a test that only counts on every free agent')
    .addOption(broker())
    .addOption(ssh())
    .action(async (flags) => exit(await checkClusterCommand(flags, io)));
  program
    .command('purge')
    .description('stop every active run')
    .addOption(broker())
    .addOption(ssh())
    .action(async (flags) => exit(await purgeCommand(flags, io)));
  program
    .command('check <file>')
    .description('check types and options of a test; no load')
    .option('-e, --env <name=value>', 'a variable for __ENV; may be given again', collect)
    .action(async (file: string, flags) => exit(await checkCommand(file, flags, io)));
  program
    .command('new <file>')
    .description('write a first test')
    .option('-f, --force', 'overwrite the file', false)
    .action(async (file: string, flags) => exit(await newCommand(file, flags, io)));
  program
    .command('version')
    .description('print the version')
    .action(() => io.out(`muster ${VERSION} (node ${process.version})\n`));
  return inherit(program);
};

/** Subcommands report their faults as the program does: thrown, and through the same output. */
const inherit = (program: Command): Command => {
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    // Copying brings --help back to those that hand all of their flags on.
    if (PASS_THROUGH.has(command.name())) command.helpOption(false);
  }
  return program;
};

const PASS_THROUGH: ReadonlySet<string> = new Set(['broker', 'agent']);
