/** What `loads-runner` had as flags, and is a command of ours. */
const COMMANDS: ReadonlyMap<string, string> = new Map([
  ['--ping-broker', 'ping'],
  ['--check-cluster', 'check-cluster'],
  ['--health-check', 'check-cluster'],
  ['--purge-broker', 'purge'],
  ['--attach', 'attach'],
]);

/** A command line of `loads-runner`, where it names no command of ours, as one of `muster`. */
export const originalAliases = (argv: readonly string[], commands: readonly string[]): readonly string[] => {
  const [first] = argv;
  if (first !== undefined && first !== 'run' && commands.includes(first)) return argv;
  const rest = first === 'run' ? argv.slice(1) : argv;
  const at = rest.findIndex((word) => COMMANDS.has(word));
  const command = COMMANDS.get(rest[at] ?? '');
  return command === undefined ? argv : [command, ...rest.slice(0, at), ...rest.slice(at + 1)];
};
