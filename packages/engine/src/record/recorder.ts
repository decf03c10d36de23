import { SeriesSet, type Tags } from '@muster/metrics';
import { encodeNative, type WindowPayload } from '@muster/protocol';
import { statusErrorCode } from '../http/error-codes.js';
import type { Exchange } from '../http/exchange.js';
import type { RecordedRequest } from '../http/http-user.js';
import type { TestEvent } from '../ipc.js';
import { ErrorGroups } from './error-groups.js';
import { EventLog } from './event-log.js';
import { Place, type RequestSinks, settleSmooth } from './place.js';
import { RowBuffer, type RowOrigin } from './row-buffer.js';

/** A second that is sealed: what the supervisor puts into its outbox. */
export interface SealedWindow {
  readonly second: number;
  readonly sealedToMs: number;
  readonly window: Uint8Array;
  readonly samples: Uint8Array | null;
  /** Null unless they were asked for. */
  readonly events: readonly TestEvent[] | null;
}

export interface RecorderOptions {
  /** Rows of a second that are kept beside the failed ones; 0: none at all. */
  readonly rowsPerSecond: number;
  /** Keeps what happens one by one, too. @default false */
  readonly events?: boolean;
  readonly onSealed: (sealed: SealedWindow) => void;
  /** Called before a second is sealed, so that levels are noted in it. */
  readonly beforeSeal: (series: SeriesSet, second: number) => void;
}

const WINDOW_MS = 1_000;

/**
 * Takes every measurement of a worker and seals one window for each second of the run's clock. All instants that go in
 * are of `performance.now()`. What is measured before the run's start (`setup`) makes the window of second -1; what
 * comes after the load (`teardown`) is sealed when it is asked for.
 *
 * The hot path looks nothing up: a request of a known kind finds its sinks in a short list and records integers.
 */
export class Recorder {
  readonly series = new SeriesSet();
  /** Null unless they were asked for. */
  readonly events: EventLog | null;
  readonly #options: RecorderOptions;
  readonly #rows: RowBuffer;
  readonly #errors = new ErrorGroups();
  /** Kinds of requests with counts that wait for the end of the second. */
  readonly #smooth: RequestSinks[] = [];
  /** Instant 0 of the run; not known before the plan of generation 1. */
  #originMs: number | null = null;
  #second = -1;
  /** End of the open window; infinite while windows are not sealed by the clock. */
  #endMs = Number.POSITIVE_INFINITY;
  #dirty = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.events = options.events === true ? new EventLog() : null;
    this.#rows = new RowBuffer(options.rowsPerSecond);
  }

  /** An instant on the run's clock; 0 while the start is not known. */
  runMs(performanceMs: number): number {
    return this.#originMs === null ? 0 : performanceMs - this.#originMs;
  }

  place(scenario: string, group: string, tags: Tags): Place {
    return new Place(this.series, scenario, group, tags);
  }

  /** The run begins at this instant: from then on every second is sealed. */
  begin(originMs: number): void {
    this.#originMs = originMs;
    this.#endMs = originMs;
  }

  /** One exchange, at its end. */
  request(place: Place, exchange: Exchange, request: RecordedRequest, expected: boolean, origin: RowOrigin): void {
    if (exchange.endedMs >= this.#endMs) this.tick(exchange.endedMs);
    this.#dirty = true;
    if (expected && exchange.reused && exchange.answered && request.method !== '')
      this.#wentSmoothly(place, exchange, request, origin);
    else this.#went(place, exchange, request, expected, origin);
  }

  /** The usual case: an answer on a connection that was open. Same numbers as the other way, added up beforehand. */
  #wentSmoothly(place: Place, exchange: Exchange, request: RecordedRequest, origin: RowOrigin): void {
    const errorCode = statusErrorCode(exchange.status);
    const sinks = place.request(exchange, request, true, errorCode);
    if (sinks.smooth === 0) this.#smooth.push(sinks);
    sinks.smooth += 1;
    sinks.smoothSent += exchange.bytesSent;
    sinks.smoothReceived += exchange.bytesReceived;
    sinks.duration.addUs(exchange.durationUs);
    sinks.sending.addUs(exchange.sendingUs);
    sinks.waiting.addUs(exchange.waitingUs);
    sinks.receiving.addUs(exchange.receivingUs);
    this.#rows.add(place, exchange, request, true, origin, errorCode);
  }

  #went(place: Place, exchange: Exchange, request: RecordedRequest, expected: boolean, origin: RowOrigin): void {
    place.started.add(1);
    if (exchange.sent) place.sent.add(1);
    if (exchange.answered) place.answered.add(1);
    place.bytesSent.add(exchange.bytesSent);
    place.bytesReceived.add(exchange.bytesReceived);
    // Of an iteration that was cut off: counted, not judged.
    if (request.method === '') return;
    const { cause } = exchange;
    const errorCode = cause === null ? statusErrorCode(exchange.status) : cause.number;
    const sinks = place.request(exchange, request, expected, errorCode);
    sinks.reqs.add(1);
    sinks.failed.add(!expected);
    sinks.duration.addUs(exchange.durationUs);
    sinks.blocked.addUs(exchange.blockedUs);
    sinks.dns.addUs(exchange.dnsUs);
    sinks.connecting.addUs(exchange.connectingUs);
    sinks.tls.addUs(exchange.tlsUs);
    sinks.sending.addUs(exchange.sendingUs);
    sinks.waiting.addUs(exchange.waitingUs);
    sinks.receiving.addUs(exchange.receivingUs);
    this.#rows.add(place, exchange, request, expected, origin, errorCode);
    if (cause !== null) {
      const detail = exchange.detail === '' ? '' : `: ${exchange.detail}`;
      const text = `${cause.text}${detail} (${request.method} ${request.name})`;
      this.error(cause.name, text, null, place.scenario, exchange.endedMs);
    }
  }

  /** A failure; `where` is `file:line:column` of the author's file. */
  error(code: string, message: string, where: string | null, scenario: string, atMs: number): void {
    this.touch(atMs);
    this.#errors.add(code, message, where, scenario === '' ? null : scenario, atMs);
  }

  /** To be called before anything is added to a sink, so that it falls into its own window. */
  touch(atMs: number): void {
    if (atMs >= this.#endMs) this.tick(atMs);
    this.#dirty = true;
  }

  /** Seals every second that is over. */
  tick(nowMs: number): void {
    while (nowMs >= this.#endMs) {
      if (this.#second >= 0 || this.#dirty) this.#seal(this.#endMs);
      this.#second += 1;
      this.#endMs += WINDOW_MS;
    }
  }

  /** The load is over: seals what is open. What comes later waits for {@link flush}. */
  finish(nowMs: number): void {
    if (this.#originMs === null || this.#endMs === Number.POSITIVE_INFINITY) return;
    this.tick(nowMs);
    this.#seal(Math.max(nowMs, this.#endMs - WINDOW_MS));
    this.#endMs = Number.POSITIVE_INFINITY;
  }

  /** Seals what was measured after the load, if anything was. */
  flush(nowMs: number): void {
    if (this.#originMs === null || this.#endMs !== Number.POSITIVE_INFINITY || !this.#dirty) return;
    this.#second = Math.max(this.#second, Math.floor((nowMs - this.#originMs) / WINDOW_MS));
    this.#seal(nowMs);
  }

  #seal(atMs: number): void {
    const originMs = this.#originMs ?? atMs;
    for (const sinks of this.#smooth.splice(0)) settleSmooth(sinks);
    this.#options.beforeSeal(this.series, this.#second);
    const { measured, kept } = this.#rows;
    const samples = this.#rows.take(originMs);
    const sealedToMs = atMs - originMs;
    const payload: WindowPayload = {
      second: this.#second,
      sealedToMs: Math.abs(sealedToMs - Math.round(sealedToMs)) < 1e-6 ? Math.round(sealedToMs) : sealedToMs,
      series: this.series.snapshotAndReset() as unknown as WindowPayload['series'],
      errors: this.#errors.take(-originMs),
      rows: { measured, kept },
      logs: [],
    };
    this.#dirty = false;
    this.#options.onSealed({
      second: payload.second,
      sealedToMs: payload.sealedToMs,
      window: encodeNative(payload),
      samples: samples === null ? null : encodeNative(samples),
      events: this.events?.take() ?? null,
    });
  }
}
