import {
  MusterError,
  type Progress,
  type RunEvent,
  type RunId,
  type ShowResult,
  ShowResult as ShowSchema,
  Snapshot,
  Summary,
} from '@muster/protocol';
import type { Asker } from './asker.js';
import type { EventListener } from './event-feed.js';
import { follow } from './follow.js';
import { type CallOptions, pause } from './give-up.js';

/** How a run is asked to stop. */
export interface StopOptions extends CallOptions {
  /** For people: stands in the run's summary. @default 'stopped by a client' */
  readonly reason?: string;
  /** Ends at once what would be given `gracefulStop` to finish. @default false */
  readonly force?: boolean;
}

/** A run at a broker. It lives there: leaving a loop, or closing the connection, does not stop it. */
export interface Run {
  readonly id: RunId;
  /**
   * Where the run stands, once a second while it runs; ends when it is finished. May be taken as often as wanted.
   *
   * @throws MusterError `BROKER_LOST` when the broker stays away, `ABORTED`, `CLOSED`, `RUN_UNKNOWN`
   */
  progress(options?: CallOptions): AsyncIterable<Progress>;
  /** The same with changes of state and notes between. */
  events(options?: CallOptions): AsyncIterable<RunEvent>;
  /** The exported summary; waits for the end of the run. Throws like `progress`. */
  summary(options?: CallOptions): Promise<Summary>;
  /** What the test's own `handleSummary` made, by target; null without one. Waits for the end of the run. */
  handleSummary(options?: CallOptions): Promise<Readonly<Record<string, string>> | null>;
  /** Asks the run to stop and returns when the broker has taken that up; `progress` tells when it is over. */
  stop(options?: StopOptions): Promise<void>;
}

/** What runs share: their connection. */
export interface RunPort {
  readonly asker: Asker;
  readonly patienceMs: number;
  /** Ends with the connection. */
  readonly signal: AbortSignal;
  listen(run: RunId, listener: EventListener): () => void;
  /** Looks whether the broker publishes elsewhere now. */
  refresh(call: CallOptions): Promise<void>;
}

const SUMMARY_POLL_MS = 200;
/** A run is finished when its summary is stored; a broker that says the one without the other is waited for so long. */
const SUMMARY_MS = 30_000;

/** A run seen through a connection. */
export class RemoteRun implements Run {
  readonly id: RunId;
  readonly #port: RunPort;

  constructor(id: RunId, port: RunPort) {
    this.id = id;
    this.#port = port;
  }

  async *progress(options: CallOptions = {}): AsyncGenerator<Progress, void, undefined> {
    for await (const event of this.events(options)) if (event.kind === 'progress') yield event.progress;
  }

  events(options: CallOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
    const { asker, patienceMs, listen, refresh } = this.#port;
    const signal =
      options.signal === undefined ? this.#port.signal : AbortSignal.any([this.#port.signal, options.signal]);
    const call = { ...options, signal };
    let again = false;
    return follow(this.id, {
      signal,
      patienceMs,
      listen,
      attach: async (run) => {
        const refreshed = again ? refresh(call) : undefined;
        again = true;
        const [snapshot] = await Promise.all([
          asker.ask({ type: 'attach', run }, (result) => Snapshot.parse(result), call),
          refreshed,
        ]);
        return snapshot;
      },
    });
  }

  async summary(options: CallOptions = {}): Promise<Summary> {
    return Summary.parse((await this.#shown(options)).summary);
  }

  async handleSummary(options: CallOptions = {}): Promise<Readonly<Record<string, string>> | null> {
    return (await this.#shown(options)).handleSummary;
  }

  async stop({ reason, force, ...call }: StopOptions = {}): Promise<void> {
    await this.#port.asker.ask({ type: 'stop', run: this.id, reason, force }, () => undefined, call);
  }

  async #shown(call: CallOptions): Promise<ShowResult> {
    const events = this.events(call);
    while ((await events.next()).done !== true);
    const sinceMs = performance.now();
    for (;;) {
      const shown = await this.#port.asker.ask(
        { type: 'show', run: this.id },
        (result) => ShowSchema.parse(result),
        call,
      );
      if (shown.summary !== null) return shown;
      if (performance.now() - sinceMs > SUMMARY_MS) {
        throw new MusterError('STORE_FAILED', `run ${this.id} is finished, but the broker has no summary of it`);
      }
      await pause(SUMMARY_POLL_MS, 'waiting for a summary', [this.#port.signal, call.signal]);
    }
  }
}
