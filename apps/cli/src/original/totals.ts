import type { ResultRow } from '@muster/client';
import { Histogram } from '@muster/metrics';
import { isOriginalKind } from '@muster/protocol';
import type { ReportProblem } from '../outputs/output.js';

/** Different problems of a test that are kept; further ones only count. */
const PROBLEMS = 50;
const TESTS = 10_000;
const URLS = 10_000;

/** What one test did. */
export interface TestTotals {
  started: number;
  stopped: number;
  successes: number;
  failures: number;
  errors: number;
  readonly problems: Map<string, ReportProblem & { count: number }>;
}

/** Hits of one URL. */
export interface UrlTotals {
  hits: number;
  /** Answered with 2xx or 3xx. */
  fine: number;
  readonly elapsedUs: Histogram;
}

const noCounts = (): Record<string, number> => Object.create(null) as Record<string, number>;

/** All but counters of the author's own. */
const isKnown = (kind: string): boolean => isOriginalKind(kind) || kind === 'batch' || kind === 'run-finished';

const OF_AGENTS: ReadonlySet<string> = new Set(['startTestRun', 'stopTestRun']);

/** Adds up rows of the original as they come. */
export class Totals {
  /** As the broker counts: rows of each kind, of `socket_message` their bytes. */
  readonly counts: Record<string, number> = noCounts();
  readonly tests = new Map<string, TestTotals>();
  readonly urls = new Map<string, UrlTotals>();
  readonly elapsedUs = new Histogram();
  readonly agents = new Set<string>();
  rows = 0;

  add(row: ResultRow): void {
    this.rows += 1;
    if (row.agent_id !== undefined && row.agent_id !== 'None') this.agents.add(String(row.agent_id));
    const { data_type: kind } = row;
    this.counts[kind] = (this.counts[kind] ?? 0) + (typeof row.size === 'number' ? row.size : 1);
    if (kind === 'add_hit') this.#hit(row);
    else if (typeof row.test === 'string' && isKnown(kind)) this.#test(row, row.test);
  }

  /**
   * The broker's counts take the place of what was heard.
   *
   * @returns whether everything that they count was heard
   */
  replace(counts: Readonly<Record<string, number>>): boolean {
    const kinds = new Set([...Object.keys(counts), ...Object.keys(this.counts)]);
    const same = [...kinds].every((kind) => this.count(kind) === (counts[kind] ?? 0));
    for (const kind of kinds) delete this.counts[kind];
    Object.assign(this.counts, counts);
    return same;
  }

  count(kind: string): number {
    return this.counts[kind] ?? 0;
  }

  /** Counters of the author's own. */
  get counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.counts).filter(([kind]) => !isKnown(kind)));
  }

  /** Whether anything came but what agents say themselves of the begin and the end. */
  get hasResults(): boolean {
    return Object.entries(this.counts).some(([kind, count]) => !OF_AGENTS.has(kind) && count > 0);
  }

  /** Failures and errors. */
  get bad(): number {
    return this.count('addFailure') + this.count('addError');
  }

  #hit(row: ResultRow): void {
    const { url, elapsed, status } = row;
    if (typeof elapsed !== 'number' || typeof url !== 'string') return;
    this.elapsedUs.record(elapsed * 1_000_000);
    const known = this.urls.get(url);
    if (known === undefined && this.urls.size >= URLS) return;
    const totals = known ?? { hits: 0, fine: 0, elapsedUs: new Histogram() };
    this.urls.set(url, totals);
    totals.hits += 1;
    totals.fine += typeof status === 'number' && status >= 200 && status < 400 ? 1 : 0;
    totals.elapsedUs.record(elapsed * 1_000_000);
  }

  #test(row: ResultRow, test: string): void {
    const known = this.tests.get(test);
    if (known === undefined && this.tests.size >= TESTS) return;
    const totals = known ?? { started: 0, stopped: 0, successes: 0, failures: 0, errors: 0, problems: new Map() };
    this.tests.set(test, totals);
    if (row.data_type === 'startTest') totals.started += 1;
    else if (row.data_type === 'stopTest') totals.stopped += 1;
    else if (row.data_type === 'addSuccess') totals.successes += 1;
    else if (row.data_type === 'addFailure') {
      totals.failures += 1;
      problem(totals, 'failure', row);
    } else if (row.data_type === 'addError') {
      totals.errors += 1;
      problem(totals, 'error', row);
    }
  }
}

/** `exc_info` is the type, the message and the traceback. */
const problem = ({ problems }: TestTotals, kind: 'failure' | 'error', { exc_info: info }: ResultRow): void => {
  const [type = kind, message = '', text = ''] = Array.isArray(info) ? info.map(String) : [];
  const key = `${kind}\n${type}\n${message}`;
  const known = problems.get(key);
  if (known !== undefined) known.count += 1;
  else if (problems.size < PROBLEMS) problems.set(key, { kind, type, message, text, count: 1 });
};
