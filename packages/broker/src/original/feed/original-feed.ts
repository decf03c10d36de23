import {
  encodeNative,
  eventFrames,
  type Frame,
  liveTopic,
  type OriginalFeed as Message,
  MusterError,
  OriginalRunId,
  originalTopic,
  readPlainRows,
} from '@muster/protocol';
import type { OriginalMetadata, OriginalResults } from '../original-results.js';
import { WatchedTopics } from './watched-topics.js';

export interface OriginalFeedPort {
  /** Of this process: numbers begin anew with it. */
  readonly boot: string;
  readonly results: Pick<OriginalResults, 'take' | 'counts' | 'metadata'>;
  /** The run that an agent works for. */
  runOf(agent: string): string | null;
  /** To the events socket. */
  send(frames: Frame[]): void;
}

/** Where a run stands; `number` is that of the last message in the counts. */
export interface FeedSnapshot {
  readonly number: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly metadata: OriginalMetadata;
}

interface Asked {
  readonly run: string;
  resolve(snapshot: FeedSnapshot): void;
  reject(thrown: unknown): void;
}

/** The number that stands for everything before somebody watched; a run that was watched from its beginning has none. */
const UNSEEN = 1;
/** Runs whose numbers are kept; beyond it the oldest that nobody watches goes. */
const MAX_RUNS = 1_000;
/** The longest text that a watcher may have repeated. */
const MAX_LIVE = liveTopic('').length + 64;

/**
 * Rows of the original for native watchers: numbered by run, sent while somebody has subscribed the run. Who attaches
 * subscribes, waits for its subscription, and asks for a snapshot: what has a higher number is not in it. A number that is
 * left out says that something was missed.
 */
export class OriginalFeed {
  readonly #port: OriginalFeedPort;
  readonly #topics = new WatchedTopics();
  readonly #numbers = new Map<string, number>();
  /** While snapshots are made no message is taken in. */
  #held: Promise<void> | null = null;
  #taking: Promise<void> | null = null;
  #asked: Asked[] = [];
  #serving = false;

  constructor(port: OriginalFeedPort) {
    this.#port = port;
  }

  get boot(): string {
    return this.#port.boot;
  }

  /** A subscription on the events socket, or its end. */
  subscription(frames: readonly Frame[]): void {
    const before = new Set([...this.#numbers.keys()].filter((run) => this.#topics.has(run)));
    const topic = this.#topics.note(frames);
    if (topic === null) return;
    // What came while nobody watched has no number: that there may be something shows.
    for (const [run, number] of this.#numbers)
      if (!before.has(run) && this.#topics.has(run)) this.#numbers.set(run, number + 1);
    if (topic.startsWith(liveTopic('')) && topic.length <= MAX_LIVE)
      this.#port.send(eventFrames(topic, encodeNative({ kind: 'live' } satisfies Message)));
  }

  /** A run begins: who watches all of them hears it from its first row on. */
  began(run: string): void {
    if (this.#topics.has(run) && !this.#numbers.has(run)) this.#set(run, 0);
  }

  /** A message of the receiver, to be kept and to be told. Never throws. */
  take(body: Frame): void | Promise<void> {
    if (this.#held !== null) return this.#held.then(() => this.take(body));
    const kept = this.#port.results.take(body);
    if (kept === undefined) {
      this.#tell(body);
      return;
    }
    const taking = kept.then(() => this.#tell(body));
    this.#taking = taking;
    return taking;
  }

  /** The run is over. */
  finished(run: string): void {
    if (this.#topics.has(run)) this.#say(run, (place) => ({ kind: 'finished', ...place }));
  }

  /** Counts, and which messages are in them: between two messages, so neither is one too many nor one too few. */
  async snapshot(run: string): Promise<FeedSnapshot> {
    // Of a run that nobody has subscribed any later message shows as a gap: there is nothing to hold for.
    if (!this.#topics.has(run)) return await this.#look(run);
    return await new Promise((resolve, reject) => {
      this.#asked.push({ run, resolve, reject });
      if (!this.#serving) void this.#serve();
    });
  }

  /** Serves all who ask with one hold, and then lets messages in for as long as it held them up. */
  async #serve(): Promise<void> {
    this.#serving = true;
    while (this.#asked.length > 0) {
      const beganMs = performance.now();
      let release: () => void = () => undefined;
      this.#held = new Promise((resolve) => {
        release = resolve;
      });
      await this.#taking;
      const looks = new Map<string, Promise<FeedSnapshot>>();
      for (const { run, resolve, reject } of this.#asked.splice(0)) {
        const look = looks.get(run) ?? this.#look(run);
        looks.set(run, look);
        look.then(resolve, reject);
      }
      await Promise.allSettled(looks.values());
      this.#held = null;
      release();
      await new Promise((resolve) => setTimeout(resolve, performance.now() - beganMs));
    }
    this.#serving = false;
  }

  async #look(run: string): Promise<FeedSnapshot> {
    const { results } = this.#port;
    // What came before it was watched has no number of its own: it is all in the first.
    if (!this.#numbers.has(run) && this.#topics.has(run)) this.#set(run, UNSEEN);
    const number = this.#numbers.get(run) ?? 0;
    return { number, counts: await results.counts(run), metadata: await results.metadata(run) };
  }

  #tell(body: Frame): void {
    if (!this.#topics.any) return;
    const run = this.#runOf(body);
    if (run !== null && this.#topics.has(run)) this.#say(run, (place) => ({ kind: 'rows', ...place, body }));
  }

  /** As it is taken in: the run that a message names, else that of its agent. */
  #runOf(body: Frame): string | null {
    const message = readPlainRows(body.toString());
    if (message === null) return null;
    const { run, agent } = message;
    const found = run ?? (agent === null ? null : this.#port.runOf(String(agent)));
    return OriginalRunId.safeParse(found).success ? found : null;
  }

  #say(run: string, make: (place: { run: string; boot: string; number: number }) => Message): void {
    const number = (this.#numbers.get(run) ?? UNSEEN) + 1;
    this.#set(run, number);
    try {
      this.#port.send(eventFrames(originalTopic(run), encodeNative(make({ run, boot: this.#port.boot, number }))));
    } catch (thrown) {
      // It is kept, but too large for a message: the gap in the numbers tells.
      if (!(thrown instanceof MusterError)) throw thrown;
    }
  }

  #set(run: string, number: number): void {
    this.#numbers.set(run, number);
    if (this.#numbers.size <= MAX_RUNS) return;
    for (const other of this.#numbers.keys()) {
      if (other === run || this.#topics.has(other)) continue;
      this.#numbers.delete(other);
      return;
    }
  }
}
