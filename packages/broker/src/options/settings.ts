import { BOUNDS, DEFAULT_FRONTEND, MusterError, parseEndpoint, TIMES } from '@muster/protocol';

/** How a setting's text is read. */
export type SettingKind = 'endpoint' | 'text' | 'folder' | 'url' | 'flag' | 'whole' | 'level';

/** One thing that a broker can be told, the same by flag, variable and config file. */
export interface Setting {
  readonly kind: SettingKind;
  readonly help: string;
  /** Smallest value of a `whole` one. @default 1 */
  readonly least?: number;
}

/** A fault of one setting; `where` is the flag, the variable or the line of the file. */
export interface SettingFault {
  readonly where: string;
  readonly message: string;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Every setting. A name is that of the config file; `beatMs` is `--beat-ms` on the command line and `MUSTER_BEAT_MS` in
 * the environment.
 */
export const SETTINGS = {
  frontend: { kind: 'endpoint', help: `where clients and agents ask (${DEFAULT_FRONTEND})` },
  backend: { kind: 'endpoint', help: 'where agents sign on' },
  register: { kind: 'endpoint', help: 'where agents of the original register' },
  receiver: { kind: 'endpoint', help: 'where results come in' },
  publisher: { kind: 'endpoint', help: 'where rows go out in the dialect of the original' },
  events: { kind: 'endpoint', help: 'where events of runs go out' },
  heartbeat: { kind: 'endpoint', help: 'where agents of the original hear that the broker lives (off)' },
  loadsDefaults: { kind: 'flag', help: 'bind the addresses of the original, ipc:///tmp/loads-front.ipc and so on' },
  advertise: { kind: 'text', help: 'host name or address that peers are told instead of the bound one' },
  data: { kind: 'folder', help: 'folder of journal, bundles and results (./.muster)' },
  insecure: {
    kind: 'flag',
    help: 'allow addresses other than loopback: whoever reaches them can run code on all agents',
  },
  keepPorts: { kind: 'flag', help: 'use the same ports again after a restart (default; --no-keep-ports: free ones)' },
  logfile: { kind: 'text', help: 'a file for the log, or stdout or stderr (stderr)' },
  logLevel: { kind: 'level', help: `one of ${LOG_LEVELS.join(', ')} (info)` },
  beatMs: { kind: 'whole', help: `agents beat so often (${TIMES.beatMs})` },
  leaseMs: { kind: 'whole', help: `a grant of the right to load holds so long (${TIMES.leaseMs})` },
  lostMs: { kind: 'whole', help: `an agent silent for so long is lost (${TIMES.lostMs})` },
  prepareMs: { kind: 'whole', help: `agents may take so long to load a test (${TIMES.prepareMs})` },
  readyMs: { kind: 'whole', help: `agents may take so long to make their users (${TIMES.readyMs})` },
  pollMs: { kind: 'whole', help: 'agents of runs of the original are asked so often what they do (2500)' },
  agentTimeoutMs: { kind: 'whole', help: 'one that does not answer for so long loses its run (60000)' },
  heartbeatMs: { kind: 'whole', help: 'between two beats of --heartbeat (10000)' },
  maxRuns: { kind: 'whole', help: `runs at one time; more are refused (${BOUNDS.runs})` },
  maxAgents: { kind: 'whole', help: `agents signed on; more are refused (${BOUNDS.agents})` },
  maxClients: { kind: 'whole', help: `clients at one time; more are refused (${BOUNDS.clients})` },
  maxSeries: { kind: 'whole', help: `series of one run; what is over is counted in one (${BOUNDS.series})` },
  maxQueryRows: { kind: 'whole', help: `rows of one page of a query; larger pages are cut (${BOUNDS.queryRows})` },
  queryMs: { kind: 'whole', help: `a question about what is stored may take so long (${TIMES.queryMs})` },
  maxBundleMiB: { kind: 'whole', help: `a larger bundle is refused (${BOUNDS.bundleBytes / 1_048_576})` },
  db: { kind: 'text', help: 'where results are kept: duckdb, memory, or the path of a module (duckdb)' },
  keepRows: {
    kind: 'flag',
    help: 'keep rows of runs of the original when they are over (default; --no-keep-rows: only counts and errors)',
  },
  publisherQueue: {
    kind: 'whole',
    help: 'messages that wait for a slow watcher of rows; it misses what is over (10000)',
  },
  webRoot: { kind: 'url', help: 'observers are told <url>/run/<id>, where a run is seen' },
  tellMs: { kind: 'whole', help: 'one try to tell an observer may take so long (10000)' },
  tellTries: { kind: 'whole', help: 'an observer that can not be told is tried so often (5)' },
  tellBackoffMs: { kind: 'whole', help: 'before the second try; each further wait is twice as long (1000)' },
  storeQueueMiB: { kind: 'whole', help: 'results that wait to be written; beyond it the receiver waits (64)' },
} as const satisfies Readonly<Record<string, Setting>>;
/** Flags that are on by default, and have a `--no-` form. */
export const NEGATABLE: readonly string[] = ['keepPorts', 'keepRows'];
export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The value of a setting once read. */
export type SettingValue = string | number | boolean;

const kebab = (name: string): string =>
  name.replace(/MiB/, '-mib').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** `beatMs` as `beat-ms`. */
export const flagOf = (name: SettingName): string => kebab(name);
/** `beatMs` as `MUSTER_BEAT_MS`. */
export const variableOf = (name: SettingName): string => `MUSTER_${kebab(name).toUpperCase().replaceAll('-', '_')}`;

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
};

/** Reads one value; a text that says what is wrong otherwise, as `{ fault }`. */
export const readSetting = (
  name: SettingName,
  given: unknown,
): { readonly value: SettingValue } | { readonly fault: string } => {
  const setting: Setting = SETTINGS[name];
  switch (setting.kind) {
    case 'flag': {
      const value = typeof given === 'boolean' ? given : WORDS[String(given).toLowerCase()];
      return value === undefined ? { fault: `must be true or false, not ${JSON.stringify(given)}` } : { value };
    }
    case 'whole': {
      const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
      const least = setting.least ?? 1;
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return { value };
      return { fault: `must be a whole number from ${least} on, not ${JSON.stringify(given)}` };
    }
    case 'level': {
      const known = LOG_LEVELS.some((level) => level === given);
      return known
        ? { value: String(given) }
        : { fault: `must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(given)}` };
    }
    case 'endpoint':
      return readEndpoint(given);
    case 'url':
      return URL.canParse(String(given)) && /^https?:$/.test(new URL(String(given)).protocol)
        ? { value: String(given) }
        : { fault: `must be an http or https URL, not ${JSON.stringify(given)}` };
    case 'text':
    case 'folder':
      return typeof given === 'string' && given.trim() !== ''
        ? { value: given }
        : { fault: 'must be a text that is not empty' };
  }
};

const readEndpoint = (given: unknown): { readonly value: string } | { readonly fault: string } => {
  try {
    parseEndpoint(String(given));
    return { value: String(given) };
  } catch (thrown) {
    return { fault: MusterError.from(thrown).message.replace(/^\[\w+\] /, '') };
  }
};
