import type { SeriesSnapshot } from '@muster/metrics';
import type { ErrorGroup } from '@muster/protocol';
import type { ReplayPage } from './store.js';
import type { Row, TableName } from './tables.js';

/** The tables that are merged, with what turns their rows into a page. Everything in them was checked when it came in. */
export const REPLAYED = ['windows', 'errors', 'seconds', 'gaps'] as const satisfies readonly TableName[];

const EMPTY: ReplayPage = { series: [], errors: [], seconds: [], gaps: [] };
const text = (value: unknown): string => String(value);
const whole = (value: unknown): number => Number(value);
const textOrNull = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));

const snapshotOf = (row: Row): ReplayPage['series'][number] => {
  const [, , agent, worker, second, metric, tags, type, contains, unit, numbers, histogram] = row;
  return {
    agent: text(agent),
    worker: whole(worker),
    second: whole(second),
    snapshot: {
      metric: text(metric),
      tags: JSON.parse(text(tags)) as Record<string, string>,
      type: type as SeriesSnapshot['type'],
      contains: contains as SeriesSnapshot['contains'],
      unit: unit as SeriesSnapshot['unit'],
      values: numbers as readonly number[],
      ...(histogram instanceof Uint8Array ? { histogram } : {}),
    },
  };
};

const errorOf = (row: Row): ReplayPage['errors'][number] => {
  const [, , agent, , , code, message, where, scenario, count, firstAtMs, lastAtMs] = row;
  const group: ErrorGroup = {
    code: text(code),
    message: text(message),
    where: textOrNull(where),
    scenario: textOrNull(scenario),
    count: whole(count),
    firstAtMs: whole(firstAtMs),
    lastAtMs: whole(lastAtMs),
  };
  return { agent: text(agent), group };
};

const secondOf = (row: Row): ReplayPage['seconds'][number] => {
  const [, , agent, worker, second, sealedToMs, measured, kept] = row;
  return {
    agent: text(agent),
    worker: whole(worker),
    second: whole(second),
    sealedToMs: whole(sealedToMs),
    measured: whole(measured),
    kept: whole(kept),
  };
};

const gapOf = (row: Row): ReplayPage['gaps'][number] => {
  const [, , agent, worker, fromMs, toMs, why] = row;
  return { agent: text(agent), worker: whole(worker), fromMs: whole(fromMs), toMs: whole(toMs), why: text(why) };
};

/** Rows of a replayed table as a page. */
export const replayPage = (table: (typeof REPLAYED)[number], rows: readonly Row[]): ReplayPage => {
  switch (table) {
    case 'windows':
      return { ...EMPTY, series: rows.map(snapshotOf) };
    case 'errors':
      return { ...EMPTY, errors: rows.map(errorOf) };
    case 'seconds':
      return { ...EMPTY, seconds: rows.map(secondOf) };
    case 'gaps':
      return { ...EMPTY, gaps: rows.map(gapOf) };
  }
};
