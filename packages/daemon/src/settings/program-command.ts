import { Command, Option } from 'commander';
import type { SettingKind } from './setting.js';
import type { SettingTable } from './setting-table.js';

/** A flag that users of the original know by another name or unit. */
export interface Alias<Name extends string> {
  readonly flag: string;
  /** What is given with it; null when nothing is. */
  readonly value: string | null;
  readonly help: string;
  readonly hidden?: boolean;
  readonly sets: Name;
  /** What the setting gets. */
  readonly read: (given: string) => unknown;
}

/** A flag that is no setting. */
export interface FurtherFlag {
  /** As commander wants it: `--io-threads <number>`. */
  readonly flags: string;
  readonly help: string;
  readonly hidden?: boolean;
}

/** What a program is called and can be told. */
export interface Program<Name extends string> {
  readonly name: string;
  readonly description: string;
  readonly table: SettingTable<Name>;
  readonly aliases: readonly Alias<Name>[];
  readonly further: readonly FurtherFlag[];
  /** The setting that the help takes for an example. */
  readonly example: Name;
  /** What the help ends with. */
  readonly helpAfter?: string;
}

const VALUES: Readonly<Record<SettingKind, string>> = {
  endpoint: ' <endpoint>',
  text: ' <text>',
  folder: ' <folder>',
  url: ' <url>',
  flag: '',
  whole: ' <number>',
  level: ' <level>',
  labels: ' <name=value>',
};

/** The command, from the table of settings. */
export const commandOf = <Name extends string>(program: Program<Name>, version: string): Command => {
  const { table, example } = program;
  const command = new Command(program.name)
    .description(program.description)
    .version(version)
    .option('--config <file>', 'a JSON file with the same names (or MUSTER_CONFIG)')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      `\nEach flag is also a line of the config file (${example} or ${table.flagOf(example)}) and a variable (${table.variableOf(example)}).\nFlags win over variables, those over the file.`,
    );
  if (program.helpAfter !== undefined) command.addHelpText('after', program.helpAfter);
  for (const { flags, help, hidden } of program.further)
    command.addOption(new Option(flags, help).hideHelp(hidden === true));
  for (const name of table.names) {
    const { kind, help, negatable } = table.settingOf(name);
    const flag = table.flagOf(name);
    const option = new Option(`--${flag}${VALUES[kind]}`, help);
    if (kind === 'labels')
      option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
    if (negatable === true) command.addOption(new Option(`--no-${flag}`).hideHelp());
  }
  for (const { flag, value, help, hidden } of program.aliases)
    command.addOption(
      new Option(`--${flag}${value === null ? '' : ` <${value}>`}`, `as in the original: ${help}`).hideHelp(
        hidden === true,
      ),
    );
  return command;
};
