import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { DEFAULT_FRONTEND, MusterError, requireLoopback } from '@muster/protocol';
import { z } from 'zod';

/** What an agent may be told. */
export interface AgentOptions {
  /** The broker's frontend. @default tcp://127.0.0.1:7780 */
  readonly broker?: string;
  /** Where the node's name, its outbox and its bundles stay. @default a private folder that goes away */
  readonly data?: string;
  /** The node's name. @default the one kept in the data folder, else the host's */
  readonly node?: string;
  /** Worker processes per run. @default one per core */
  readonly workers?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly token?: string;
  /** Heap of each worker in MB; twice as much resident memory ends it. @default 2_048 */
  readonly maxHeapMb?: number;
  /** A worker whose loop is blocked for so long is ended. @default 10_000 */
  readonly hangMs?: number;
  /** Rows of single requests kept per second with `--raw thinned`. @default 5_000 */
  readonly rowsPerSecond?: number;
  /** Connect to addresses off this machine, unencrypted. @default false */
  readonly insecure?: boolean;
  readonly logLevel?: string;
}

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const Schema = z.strictObject({
  broker: z.string().default(DEFAULT_FRONTEND),
  data: z.string().min(1).nullable().default(null),
  node: z.string().min(1).nullable().default(null),
  workers: z.coerce.number().int().min(1).max(256).default(availableParallelism()),
  labels: z.record(z.string().min(1), z.string()).default({}),
  token: z.string().nullable().default(null),
  maxHeapMb: z.coerce.number().int().min(64).default(2_048),
  hangMs: z.coerce.number().int().min(100).default(10_000),
  rowsPerSecond: z.coerce.number().int().min(0).default(5_000),
  insecure: z.boolean().default(false),
  logLevel: z.enum(LEVELS).default('info'),
});
export type ResolvedAgentOptions = z.infer<typeof Schema>;

/** Fills in the defaults. @throws MusterError `BAD_CONFIG` with all faults, `BAD_ENDPOINT`, `NOT_LOOPBACK`. */
export const resolveAgentOptions = (given: AgentOptions): ResolvedAgentOptions => {
  const checked = Schema.safeParse(given);
  if (!checked.success) {
    throw new MusterError(
      'BAD_CONFIG',
      checked.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('\n'),
    );
  }
  requireLoopback(checked.data.broker, checked.data.insecure);
  return checked.data;
};

const NAMES = [
  'broker',
  'data',
  'node',
  'workers',
  'labels',
  'token',
  'maxHeapMb',
  'hangMs',
  'rowsPerSecond',
  'insecure',
  'logLevel',
] as const;
const variable = (name: string): string => `MUSTER_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** `MUSTER_BROKER`, `MUSTER_DATA`, `MUSTER_MAX_HEAP_MB` … as options. */
export const optionsOfEnvironment = (env: Readonly<Record<string, string | undefined>>): Record<string, unknown> =>
  Object.fromEntries(
    NAMES.flatMap((name) => {
      const text = env[variable(name)];
      if (text === undefined || text === '') return [];
      if (name === 'labels') return [[name, parseLabels(text.split(','))]];
      return [[name, name === 'insecure' ? text === 'true' || text === '1' : text]];
    }),
  );

/** `zone=eu` and the like. @throws MusterError `BAD_CONFIG`. */
export const parseLabels = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new MusterError('BAD_CONFIG', `label "${text}" is not NAME=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

/** A config file: JSON with the same names as {@link AgentOptions}. @throws MusterError `FILE_NOT_FOUND`, `BAD_CONFIG`. */
export const optionsOfFile = (path: string): Record<string, unknown> => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MusterError('FILE_NOT_FOUND', `can't read the config file ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    const plain: unknown = JSON.parse(text);
    if (typeof plain === 'object' && plain !== null && !Array.isArray(plain)) return plain as Record<string, unknown>;
    throw new Error('it must be an object');
  } catch (cause) {
    throw new MusterError('BAD_CONFIG', `${path}: ${(cause as Error).message}`, { cause });
  }
};
