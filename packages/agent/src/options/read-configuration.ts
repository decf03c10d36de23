import { configError, type Program, readSettings, type SettingFault } from '@muster/daemon';
import { type ResolvedAgentOptions, resolveAgentOptions } from './agent-options.js';
import { AGENT_SETTINGS, ALIASES, type SettingName } from './settings.js';

/** What the command line asks for. */
export type Asked =
  | { readonly do: 'serve'; readonly options: ResolvedAgentOptions }
  /** Help or the version was printed already. */
  | { readonly do: 'nothing' };

const PROGRAM: Program<SettingName> = {
  name: 'muster-agent',
  description: 'Runs virtual users for a Muster broker.',
  table: AGENT_SETTINGS,
  aliases: ALIASES,
  further: [],
  example: 'hangMs',
};

/**
 * Reads flags, variables and the config file; flags win over variables, those over the file. `--help` and `--version`
 * are printed here.
 *
 * @throws MusterError `BAD_CONFIG` naming every fault at once, or `NOT_LOOPBACK`.
 */
export const readConfiguration = async (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
  print: (text: string) => void,
): Promise<Asked> => {
  const faults: SettingFault[] = [];
  const given = await readSettings(PROGRAM, { argv, env, version, print }, faults);
  if (given === null) return { do: 'nothing' };
  if (faults.length > 0) throw configError(faults);
  return { do: 'serve', options: resolveAgentOptions(given.options, (name) => given.whereOf(name) ?? name) };
};
