import { MusterError, type RunEvent, type RunId, type RunInfo, type Snapshot, TIMES } from '@muster/protocol';
import type { EventListener } from './event-feed.js';
import { aborted, pause } from './give-up.js';
import { Mailbox } from './mailbox.js';

/** What following needs of a connection. */
export interface FollowPort {
  /** Where the run stands now; also looks whether the broker publishes elsewhere. */
  attach(run: RunId): Promise<Snapshot>;
  listen(run: RunId, listener: EventListener): () => void;
  /** Ends when the connection is closed or the caller gives up. */
  readonly signal: AbortSignal;
  /** How long the broker may be away before the run counts as out of sight. */
  readonly patienceMs: number;
}

/** Events kept for a reader that is slow; beyond it the oldest go, and the gap is filled by a snapshot. */
const KEPT_EVENTS = 256;
/** What a broker says that lives, and can't write: it goes on as soon as it can. */
const TROUBLE: ReadonlySet<string> = new Set(['DISK_FULL', 'STORE_FAILED']);
const TROUBLE_MS = 1_000;
const isOver = (run: Pick<RunInfo, 'state'>): boolean => run.state === 'finished';

/**
 * The events of a run from where it stands until it is finished. Events are numbered: on a gap, and when none came for
 * two seconds, the broker is asked where the run stands, and what was missed of it follows from the snapshot. So it
 * always ends, whatever is lost on the way.
 *
 * @throws MusterError `BROKER_LOST` when the broker stayed away, `DISK_FULL` or `STORE_FAILED` when it could not write for
 * as long, `ABORTED`, or what the broker answers (`RUN_UNKNOWN`).
 */
export async function* follow(run: RunId, port: FollowPort): AsyncGenerator<RunEvent, void, undefined> {
  const box = new Mailbox<RunEvent>(KEPT_EVENTS);
  const stopListening = port.listen(run, (event) => box.put(event));
  const wake = () => box.nudge();
  port.signal.addEventListener('abort', wake);
  const seen = new Seen(run);
  let heardMs = performance.now();
  let asks = true;
  try {
    for (;;) {
      if (port.signal.aborted) throw stopped(run, port.signal);
      if (asks) {
        const snapshot = await standing(run, port, heardMs);
        if (snapshot === null) continue;
        heardMs = performance.now();
        asks = false;
        yield* seen.fromSnapshot(snapshot);
        if (isOver(snapshot.run)) return;
      }
      const event = await box.take(heardMs + TIMES.silenceMs - performance.now());
      if (event === undefined) {
        asks = performance.now() - heardMs >= TIMES.silenceMs;
        continue;
      }
      const order = seen.order(event);
      if (order === 'old') continue;
      if (order === 'gap') {
        asks = true;
        continue;
      }
      heardMs = performance.now();
      yield event;
      if (event.kind === 'state' && isOver(event)) return;
    }
  } finally {
    port.signal.removeEventListener('abort', wake);
    stopListening();
  }
}

/** Where the run stands; null when there was no answer, or none but trouble with the disk, and there is patience left. */
const standing = async (run: RunId, port: FollowPort, heardMs: number): Promise<Snapshot | null> => {
  try {
    return await port.attach(run);
  } catch (thrown) {
    const error = MusterError.from(thrown);
    const isTrouble = TROUBLE.has(error.code);
    if (error.code !== 'TIMEOUT' && !isTrouble) throw port.signal.aborted ? stopped(run, port.signal) : error;
    const awayMs = performance.now() - heardMs;
    if (awayMs < port.patienceMs) {
      // This answer came at once, and so would the next.
      if (isTrouble) await pause(TROUBLE_MS, `following run ${run}`, [port.signal]).catch(() => undefined);
      return null;
    }
    const seconds = Math.round(awayMs / 1_000);
    throw isTrouble
      ? new MusterError(
          error.code,
          `the broker can keep nothing for ${seconds} s (${plain(error)}): run ${run} stands still`,
          {
            cause: error,
            hint: 'free some room where the broker has its data: the run goes on then; look again with `muster attach`',
          },
        )
      : new MusterError('BROKER_LOST', `the broker has not answered for ${seconds} s: run ${run} is out of sight`, {
          cause: error,
          hint: 'the agents may go on; look again with `muster attach` when the broker is back',
        });
  }
};

const plain = ({ message }: MusterError): string => message.replace(/^\[\w+\] /, '');

const stopped = (run: RunId, signal: AbortSignal): MusterError =>
  signal.reason instanceof MusterError ? signal.reason : aborted(`following run ${run}`, signal);

/** What the reader of a run knows already. */
class Seen {
  readonly #run: RunId;
  #number = -1;
  #state: string | null = null;
  #notesToMs = Number.NEGATIVE_INFINITY;
  #progress = -1;

  constructor(run: RunId) {
    this.#run = run;
  }

  /** Whether an event is the next one; if so it counts as seen. */
  order(event: RunEvent): 'next' | 'old' | 'gap' {
    if (event.number <= this.#number) return 'old';
    if (event.number > this.#number + 1) return 'gap';
    this.#number = event.number;
    if (event.kind === 'state') this.#state = event.state;
    if (event.kind === 'note') this.#notesToMs = event.atMs;
    if (event.kind === 'progress') this.#progress = event.progress.number;
    return 'next';
  }

  /** What a snapshot says that the reader does not know yet, as events under the snapshot's number. */
  *fromSnapshot({ run, number, progress, notes }: Snapshot): Generator<RunEvent, void, undefined> {
    // Also downwards: a broker that was restarted may count anew.
    this.#number = number;
    const known = this.#notesToMs;
    for (const note of notes) {
      if (note.atMs <= known) continue;
      this.#notesToMs = note.atMs;
      const level = note.level === 'warn' || note.level === 'error' ? note.level : 'info';
      yield { kind: 'note', run: this.#run, number, atMs: note.atMs, level, text: note.text };
    }
    if (progress !== null && progress.number > this.#progress) {
      this.#progress = progress.number;
      yield { kind: 'progress', run: this.#run, number, progress };
    }
    if (run.state !== this.#state) {
      this.#state = run.state;
      yield { kind: 'state', run: this.#run, number, state: run.state, text: run.reason ?? '' };
    }
  }
}
