import type { ControllerEffect } from '../events.js';
import { infoOf, type Member, type OnceRecord, type RunEventLine, type RunRecord } from '../run-record.js';

type Save = Extract<ControllerEffect, { type: 'save' | 'delete' }>;
type Core = Omit<RunRecord, 'members' | 'events' | 'once' | 'claims' | 'number'>;

/**
 * How a run is kept: what changes often, and what is large, under keys of its own, so that a change costs what it is.
 *
 * | key                    | value                                |
 * |------------------------|--------------------------------------|
 * | `run/ID`               | everything that is not listed below  |
 * | `member/ID/n`          | the n-th member                      |
 * | `line/ID/n`            | the n-th line of its history         |
 * | `once/ID/NAME`         | a value that is made once            |
 * | `claim/ID/NAME`        | a book of claims                     |
 */
export const savesBetween = (before: RunRecord | null, now: RunRecord): readonly Save[] => {
  if (before === now) return [];
  const { id } = now;
  const saves: Save[] = [];
  const save = (key: string, value: unknown): void => void saves.push({ type: 'save', key, value });
  for (const [n, member] of now.members.entries()) if (before?.members[n] !== member) save(`member/${id}/${n}`, member);
  for (const [n, line] of now.events.slice(before?.events.length ?? 0).entries())
    save(`line/${id}/${n + (before?.events.length ?? 0)}`, line);
  if (before?.once !== now.once)
    for (const [name, value] of Object.entries(now.once))
      if (before === null || ownOf(before.once, name) !== value) save(`once/${id}/${name}`, value);
  if (before?.claims !== now.claims)
    for (const [name, value] of Object.entries(now.claims))
      if (before === null || ownOf(before.claims, name) !== value) save(`claim/${id}/${name}`, value);
  // Last: a run whose core is there is there whole.
  if (before === null || !isSameCore(before, now)) save(`run/${id}`, coreOf(now));
  return saves;
};

/** Nothing of a run is needed any more. Its core goes first: what is left without it is no run. */
export const deletesOf = (run: RunRecord): readonly Save[] => {
  const { id } = run;
  return [
    `run/${id}`,
    ...run.members.map((_, n) => `member/${id}/${n}`),
    ...run.events.map((_, n) => `line/${id}/${n}`),
    ...Object.keys(run.once).map((name) => `once/${id}/${name}`),
    ...Object.keys(run.claims).map((name) => `claim/${id}/${name}`),
  ].map((key) => ({ type: 'delete', key }));
};

const ownOf = <V>(values: Readonly<Record<string, V>>, name: string): V | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

const APART: ReadonlySet<string> = new Set(['members', 'events', 'once', 'claims', 'number']);

const coreOf = (run: RunRecord): unknown => Object.fromEntries(Object.entries(run).filter(([key]) => !APART.has(key)));

const isSameCore = (a: RunRecord, b: RunRecord): boolean =>
  (Object.keys(b) as (keyof RunRecord)[]).every((key) => APART.has(key) || a[key] === b[key]);

/** Keys of runs of which nothing else is there: a crash came between them and the core. */
export const orphansIn = (saved: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(saved).filter((key) => {
    const [, kind, id] = KEY.exec(key) ?? [];
    return kind !== undefined && kind !== 'run' && !Object.hasOwn(saved, `run/${id}`);
  });

/** The runs that an earlier controller saved, in the order of their ids. */
export const runsIn = (saved: Readonly<Record<string, unknown>>): readonly RunRecord[] => {
  const parts = partsIn(saved);
  return [...parts.cores.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((core) => ({
      ...core,
      members: inOrder<Member>(parts.of('member', core.id)),
      events: inOrder<RunEventLine>(parts.of('line', core.id)),
      once: Object.fromEntries(parts.of('once', core.id)) as Record<string, OnceRecord>,
      claims: Object.fromEntries(parts.of('claim', core.id)) as RunRecord['claims'],
      // Numbers up to there may have been published: a gap is better than the same number twice.
      number: core.numbersUpTo,
    }));
};

const KEY = /^(run|member|line|once|claim)\/([^/]+)(?:\/(.*))?$/s;
type Parts = readonly (readonly [name: string, value: unknown])[];

const partsIn = (saved: Readonly<Record<string, unknown>>) => {
  const cores = new Map<string, Core>();
  const parts = new Map<string, [string, unknown][]>();
  for (const [key, value] of Object.entries(saved)) {
    const [, kind, id, name] = KEY.exec(key) ?? [];
    if (kind === 'run' && id !== undefined) cores.set(id, value as Core);
    else if (name !== undefined) {
      const list = parts.get(`${kind}/${id}`) ?? [];
      parts.set(`${kind}/${id}`, list);
      list.push([name, value]);
    }
  }
  return { cores, of: (kind: string, id: string): Parts => parts.get(`${kind}/${id}`) ?? [] };
};

const inOrder = <V>(parts: Parts): readonly V[] =>
  [...parts].sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value as V);

/** Whether what clients see of a run has changed. */
export const isSeenChange = (before: RunRecord | null, now: RunRecord): boolean => {
  if (before === null) return true;
  const [was, is] = [infoOf(before), infoOf(now)];
  return (['state', 'verdict', 'exitCode', 'reason', 'startedAt', 'endedAt'] as const).some(
    (key) => was[key] !== is[key],
  );
};
