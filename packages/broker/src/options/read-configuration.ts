import { configError, type Program, readSettings, type SettingFault } from '@muster/daemon';
import { type ResolvedBrokerOptions, resolveBrokerOptions } from './broker-options.js';
import { ObserverEntries, observerFaults, observerHelp, takeObserverFlags } from './observer-settings.js';
import { ALIASES, BROKER_SETTINGS, type SettingName } from './settings.js';
import { takeStoreFlags } from './store-choice.js';

/** What the command line asks for. */
export type Asked =
  | { readonly do: 'serve' | 'check'; readonly options: ResolvedBrokerOptions }
  /** Help or the version was printed already. */
  | { readonly do: 'nothing' };

/** Options of stores as keys of the file: `db-duckdb-max-size`. */
const STORE_KEY = 'db-';
/** Options of stores as variables: `MUSTER_DB_DUCKDB_MAX_SIZE`. */
const STORE_VARIABLE = 'MUSTER_DB_';

const PROGRAM: Program<SettingName> = {
  name: 'muster-broker',
  description: 'Musters agents, hands out the load, merges and keeps what they measure.',
  table: BROKER_SETTINGS,
  aliases: ALIASES,
  further: [
    { flags: '--check', help: 'only tell whether a broker answers on the frontend' },
    { flags: '--io-threads <number>', help: 'of the original; one is enough here', hidden: true },
    { flags: '--db-<store>-<option> <value>', help: 'an option of a store, such as --db-duckdb-max-size 10GB' },
  ],
  example: 'beatMs',
  helpAfter: observerHelp(),
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
  const observers = new ObserverEntries(faults);
  const ofStores = new Map<string, unknown>();
  const takenOfObservers = takeObserverFlags(argv, faults);
  const takenOfStores = takeStoreFlags(takenOfObservers.argv);
  const takeFromFile = (key: string, value: unknown, where: string): boolean => {
    if (!key.startsWith(STORE_KEY)) return observers.takeFromFile(key, value, where);
    ofStores.set(key.slice(STORE_KEY.length), value);
    return true;
  };
  const sources = { argv: takenOfStores.rest, env, version, print, takeFromFile };
  const given = await readSettings(PROGRAM, sources, faults);
  if (given === null) return { do: 'nothing' };
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(STORE_VARIABLE) && value !== undefined && value !== '')
      ofStores.set(name.slice(STORE_VARIABLE.length).toLowerCase(), value);
  for (const [name, value] of takenOfStores.given) ofStores.set(name, value);
  observers.takeFromVariables(env);
  observers.takeFlags(takenOfObservers);
  const { settings, modules } = observers;
  const whereOf = (name: string) => given.whereOf(name) ?? observers.whereOf(name) ?? name;
  if (faults.length > 0) throw configError([...faults, ...observerFaults(settings, modules, whereOf)]);
  const options = resolveBrokerOptions(
    { ...given.options, dbOptions: Object.fromEntries(ofStores), observers: settings, observerModules: modules },
    whereOf,
  );
  return { do: given.asks('check') ? 'check' : 'serve', options };
};
