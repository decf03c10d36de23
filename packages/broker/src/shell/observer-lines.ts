import type { Store } from '../store/store.js';

/** Kind of the lines of a run's history that say how its observers fared. */
export const OBSERVER_EVENT = 'observer';

/** A history has more lines only when somebody annotates without end. */
const MAX_LINES = 20_000;

/** What a run's history says of its observers. */
export const observerLines = async (
  store: Store,
  run: string,
): Promise<readonly { readonly at: string; readonly text: string }[]> => {
  const { columns } = await store.query(run, 'events', 0, MAX_LINES);
  const column = (name: string) => columns.find((each) => each.name === name)?.values ?? [];
  const [kinds, ats, texts] = [column('kind'), column('at'), column('text')];
  return kinds.flatMap((kind, n) => (kind === OBSERVER_EVENT ? [{ at: String(ats[n]), text: String(texts[n]) }] : []));
};
