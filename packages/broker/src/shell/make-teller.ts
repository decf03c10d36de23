import { Summary } from '@muster/protocol';
import type { Logger } from '../log.js';
import type { ObserverBook } from '../observers/observer-book.js';
import { nativeEnd } from '../observers/run-end.js';
import { Teller } from '../observers/teller.js';
import type { ResolvedBrokerOptions } from '../options/broker-options.js';
import type { OriginalResults } from '../original/original-results.js';
import { OBSERVER_EVENT } from './observer-lines.js';
import type { State } from './open-state.js';
import type { RunHistory } from './run-history.js';

export interface TellerParts {
  readonly options: ResolvedBrokerOptions['observers'];
  readonly book: ObserverBook;
  readonly state: State;
  readonly history: RunHistory;
  readonly originalResults: Pick<OriginalResults, 'updateMetadata'>;
  readonly log: Logger;
}

/** The teller of a broker: outcomes go into the history of native runs, and into the metadata of those of the original. */
export const makeTeller = ({ options, book, state, history, originalResults, log }: TellerParts): Teller =>
  new Teller(
    {
      book,
      journal: state.journal,
      log,
      times: options.times,
      now: () => Date.now(),
      endOf: async (run) => {
        const read = Summary.safeParse((await state.store.summary(run))?.summary);
        return read.success ? nativeEnd(read.data, options.webRoot) : null;
      },
      record: async ({ run, dialect }, { name, text, at }, all) => {
        if (dialect === 'original') {
          const observers = Object.fromEntries(
            all.map((each) => [each.name, { ok: each.ok, text: each.text, at: each.at }]),
          );
          await originalResults.updateMetadata(run, { observers });
          return;
        }
        history.add(run, { number: 0, at, atMs: null, kind: OBSERVER_EVENT, text: `${name}: ${text}` });
        await history.settled();
      },
    },
    state.saved,
  );
