import { BOUNDS, DEFAULT_FRONTEND, MusterError, parseEndpoint, TIMES } from '@muster/protocol';

/** How a setting is read. */
export type SettingKind = 'endpoint' | 'text' | 'folder' | 'flag' | 'whole' | 'level' | 'labels';

/** One thing that an agent can be told, the same by flag, variable and config file. */
export interface Setting {
  readonly kind: SettingKind;
  readonly help: string;
  /** The flag and the variable, where they are not the name in other letters. */
  readonly flag?: string;
  /** Bounds of a `whole` one. @default 1 and none */
  readonly least?: number;
  readonly most?: number;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MIB = 1_048_576;

/**
 * Every setting. A name is that of the config file; `hangMs` is `--hang-ms` on the command line and `MUSTER_HANG_MS` in
 * the environment.
 */
export const SETTINGS = {
  broker: { kind: 'endpoint', help: `the broker's frontend (${DEFAULT_FRONTEND})` },
  data: { kind: 'folder', help: 'folder of name, outbox and bundles (a private one that goes away)' },
  node: { kind: 'text', help: "the node's name (the one kept in the data folder, else the host's)" },
  workers: { kind: 'whole', help: 'worker processes for a run (one per core)', most: 256 },
  labels: { kind: 'labels', flag: 'label', help: 'a label of this node, as often as needed' },
  token: { kind: 'text', help: 'shown to the broker when signing on' },
  insecure: { kind: 'flag', help: 'allow addresses other than loopback: nothing is encrypted or authenticated' },
  logLevel: { kind: 'level', help: `one of ${LOG_LEVELS.join(', ')} (info)` },
  maxMemoryMiB: {
    kind: 'whole',
    flag: 'max-memory',
    help: 'heap of each worker in MiB; one that takes twice as much in all is ended (2048)',
    least: 64,
  },
  hangMs: {
    kind: 'whole',
    help: `a worker whose loop is blocked for so long is ended (${TIMES.hangMs})`,
    least: 200,
  },
  rowsPerSecond: { kind: 'whole', help: 'raw rows kept per second when a run thins them (5000)', least: 0 },
  outboxMemoryMiB: {
    kind: 'whole',
    help: `results kept in memory; more are read back (${BOUNDS.outboxMemoryBytes / MIB})`,
  },
  outboxDiskMiB: {
    kind: 'whole',
    help: `results kept on disk; near it raw rows are thinned, never windows (${BOUNDS.outboxDiskBytes / MIB})`,
  },
  unackedMiB: { kind: 'whole', help: `results on their way to the broker; more wait (${BOUNDS.unackedBytes / MIB})` },
  flushMs: { kind: 'whole', help: 'an agent that ends waits so long for its results to be taken (10000)', least: 0 },
  maxAgeSeconds: {
    kind: 'whole',
    flag: 'max-age',
    help: 'leave when so many seconds old and without work; -1: never (-1)',
    least: -1,
  },
  maxAgeDeltaSeconds: {
    kind: 'whole',
    flag: 'max-age-delta',
    help: 'seconds by which --max-age is longer, drawn from 0 to this (0)',
    least: 0,
  },
  quitWhenOrphaned: { kind: 'flag', help: 'leave when the broker is lost and there is no work, in place of waiting' },
  brokerLostMs: { kind: 'whole', help: 'a broker that is silent for so long is lost (30000)', least: 100 },
  logFile: { kind: 'text', flag: 'logfile', help: 'a file for the log, or stdout or stderr (stderr)' },
} as const satisfies Readonly<Record<string, Setting>>;
/** A flag that users of the original know by another name or unit. */
export interface Alias {
  readonly flag: string;
  /** What is given with it; null when nothing is. */
  readonly value: string | null;
  readonly help: string;
  readonly sets: SettingName;
  /** What the setting gets. */
  readonly read: (given: string) => unknown;
}

/** `--broker`, `--max-age` and `--max-age-delta` have the same names here. */
export const ALIASES: readonly Alias[] = [
  { flag: 'debug', value: null, help: '--log-level debug', sets: 'logLevel', read: () => 'debug' },
  {
    flag: 'timeout',
    value: 'seconds',
    help: '--flush-ms, in seconds',
    sets: 'flushMs',
    read: (given) => (given.trim() === '' ? given : Math.round(Number(given) * 1_000)),
  },
  {
    flag: 'params',
    value: 'k:v|k:v',
    help: '--label k=v for each',
    sets: 'labels',
    read: (given) => given.split('|').map((pair) => pair.replace(':', '=')),
  },
];

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The value of a setting once read. */
export type SettingValue = string | number | boolean | Readonly<Record<string, string>>;

const kebab = (name: string): string =>
  name.replace(/MiB/, '-mib').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** `hangMs` as `hang-ms`. */
export const flagOf = (name: SettingName): string => {
  const setting: Setting = SETTINGS[name];
  return setting.flag ?? kebab(name);
};
/** `hangMs` as `MUSTER_HANG_MS`. */
export const variableOf = (name: SettingName): string =>
  name === 'labels' ? 'MUSTER_LABELS' : `MUSTER_${flagOf(name).toUpperCase().replaceAll('-', '_')}`;

type Read = { readonly value: SettingValue } | { readonly fault: string };

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
};

/** Reads one value; a text that says what is wrong otherwise, as `{ fault }`. */
export const readSetting = (name: SettingName, given: unknown): Read => {
  const setting: Setting = SETTINGS[name];
  switch (setting.kind) {
    case 'flag': {
      const value = typeof given === 'boolean' ? given : WORDS[String(given).toLowerCase()];
      return value === undefined ? { fault: `must be true or false, not ${JSON.stringify(given)}` } : { value };
    }
    case 'whole':
      return readWhole(given, setting.least ?? 1, setting.most ?? Number.MAX_SAFE_INTEGER);
    case 'level':
      return LOG_LEVELS.some((level) => level === given)
        ? { value: String(given) }
        : { fault: `must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(given)}` };
    case 'endpoint':
      return readEndpoint(given);
    case 'labels':
      return readLabels(given);
    case 'text':
    case 'folder':
      return typeof given === 'string' && given.trim() !== ''
        ? { value: given }
        : { fault: 'must be a text that is not empty' };
  }
};

const readWhole = (given: unknown, least: number, most: number): Read => {
  const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return { value };
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  return { fault: `must be a whole number ${range}, not ${JSON.stringify(given)}` };
};

const readEndpoint = (given: unknown): Read => {
  try {
    parseEndpoint(String(given));
    return { value: String(given) };
  } catch (thrown) {
    return { fault: MusterError.from(thrown).message.replace(/^\[\w+\] /, '') };
  }
};

/** A list of `name=value`, the same as one text with commas, or an object. */
const readLabels = (given: unknown): Read => {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const wrong = Object.entries(given).find(
      ([name, value]) => name === '' || typeof value !== 'string' || value === '',
    );
    return wrong === undefined
      ? { value: { ...(given as Record<string, string>) } }
      : { fault: `label ${JSON.stringify(wrong[0])} must be a text that is not empty` };
  }
  const texts = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given.map(String) : [];
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) return { fault: `must be NAME=VALUE, not ${JSON.stringify(text)}` };
    labels[text.slice(0, at).trim()] = text.slice(at + 1).trim();
  }
  return texts.length === 0 ? { fault: 'must be NAME=VALUE' } : { value: labels };
};
