import { BOUNDS } from '../bounds.js';
import { parseGuarded, parseWithoutPrototype } from './codec.js';

/** A row as its sender wrote it, checked. */
export type PlainRow = Readonly<Record<string, unknown>>;

/** One message of the receiver: who sent it, and its rows by kind. */
export interface RowMessage {
  /** Null: not told. */
  readonly agent: string | number | null;
  readonly run: string | null;
  readonly hostname: string | null;
  /** Rows that fit, by kind; those of a batch are without the envelope's agent and run. */
  readonly kinds: readonly (readonly [kind: string, rows: readonly PlainRow[]])[];
  /** Rows that do not fit, and are in none of the kinds. */
  readonly bad: number;
  readonly batch: boolean;
}

/**
 * Reads a result by hand-written checks, for where each row counts. The verdicts are those of `readResult` and `rowsOf`,
 * whose schema is the reference.
 *
 * @returns null for what does not fit: `readResult` says why.
 */
export const readPlainRows = (text: string): RowMessage | null => {
  let plain: unknown;
  try {
    plain = JSON.parse(text);
    const found = lookAt(plain);
    if (found === 'too deep') return null;
    if (found === '__proto__') plain = parseWithoutPrototype(text);
  } catch {
    return null;
  }
  return plainRowsOf(plain);
};

/** Messages that were read before, from a JSON array of them. @throws SyntaxError */
export const readPlainMessages = (text: string): readonly RowMessage[] =>
  (parseGuarded(text) as readonly unknown[]).flatMap((plain) =>
    lookAt(plain) === null ? (plainRowsOf(plain) ?? []) : [],
  );

const plainRowsOf = (plain: unknown): RowMessage | null => {
  if (!isObject(plain)) return null;
  const { data_type: kind, agent_id: agent, run_id: run, hostname } = plain;
  if (typeof kind !== 'string' || kind.length > 256) return null;
  if (run !== undefined && typeof run !== 'string') return null;
  if (agent !== undefined && typeof agent !== 'string' && !Number.isSafeInteger(agent)) return null;
  const from = agent === undefined ? null : (agent as string | number);
  const of = run ?? null;
  const host = typeof hostname === 'string' ? hostname : null;
  if (kind !== 'batch')
    // Written out: to spread the envelope takes longer than all checks of a row.
    return fits(kind, plain)
      ? { agent: from, run: of, hostname: host, kinds: [[kind, [plain]]], bad: 0, batch: false }
      : { agent: from, run: of, hostname: host, kinds: [], bad: 1, batch: false };
  if (agent === undefined || run === undefined || (hostname !== undefined && typeof hostname !== 'string')) return null;
  const split = splitCounts(plain.counts);
  return split === null ? null : { agent: from, run: of, hostname: host, ...split, batch: true };
};

/** Rows as they are given to whoever asks for them: with the envelope's kind, agent and run. */
export const wholeRow = (message: RowMessage, kind: string, row: PlainRow): PlainRow =>
  message.batch ? { ...row, data_type: kind, agent_id: message.agent, run_id: message.run } : row;

const splitCounts = (counts: unknown): Pick<RowMessage, 'kinds' | 'bad'> | null => {
  if (!isObject(counts)) return null;
  const kinds: [string, readonly PlainRow[]][] = [];
  let bad = 0;
  for (const kind of Object.keys(counts)) {
    const rows = counts[kind];
    if (!Array.isArray(rows) || !rows.every(isObject)) return null;
    const check = CHECKS.get(kind);
    const fitting = check === undefined || rows.every(check) ? rows : rows.filter(check);
    bad += rows.length - fitting.length;
    if (fitting.length > 0) kinds.push([kind, fitting]);
  }
  return { kinds, bad };
};

const isObject = (value: unknown): value is PlainRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Found = 'too deep' | '__proto__' | null;

const lookAt = (plain: unknown): Found => (typeof plain === 'object' && plain !== null ? within(plain, 1) : null);

/**
 * What must not be in it: more nesting than the bound, or the name `__proto__`. A plain loop, for it looks at every value
 * of every row; and still less than to search the text beforehand.
 */
const within = (value: object, depth: number): Found => {
  if (depth > BOUNDS.nesting) return 'too deep';
  if (Array.isArray(value)) {
    for (const each of value) {
      const found = typeof each === 'object' && each !== null ? within(each, depth + 1) : null;
      if (found !== null) return found;
    }
    return null;
  }
  for (const name in value) {
    if (name === '__proto__') return name;
    const each = (value as PlainRow)[name];
    const found = typeof each === 'object' && each !== null ? within(each, depth + 1) : null;
    if (found !== null) return found;
  }
  return null;
};

const textOrNone = (value: unknown): boolean => value === undefined || typeof value === 'string';

const isStatus = (value: unknown): boolean => {
  if (value === undefined || value === null) return true;
  if (!Array.isArray(value) || value.length !== 4) return false;
  for (const each of value) if (typeof each !== 'string' && !Number.isFinite(each)) return false;
  return true;
};

const isTrace = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.every((each) => typeof each === 'string'));

const inTest = (row: PlainRow): boolean => textOrNone(row.test) && isStatus(row.loads_status);
const failed = (row: PlainRow): boolean => inTest(row) && isTrace(row.exc_info);
const isHit = (row: PlainRow): boolean =>
  typeof row.url === 'string' &&
  typeof row.method === 'string' &&
  Number.isSafeInteger(row.status) &&
  typeof row.started === 'string' &&
  Number.isFinite(row.elapsed) &&
  isStatus(row.loads_status);

/** What the kinds of the original must have; others, and those of which nothing is asked, are the author's own. */
const CHECKS: ReadonlyMap<string, (row: PlainRow) => boolean> = new Map([
  ['startTest', inTest],
  ['stopTest', inTest],
  ['addSuccess', inTest],
  ['addFailure', failed],
  ['addError', failed],
  ['add_hit', isHit],
  ['socket_message', (row) => Number.isFinite(row.size)],
]);

const fits = (kind: string, row: PlainRow): boolean => CHECKS.get(kind)?.(row) ?? true;
