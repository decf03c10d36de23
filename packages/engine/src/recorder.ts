import { type Counter, type Rate, SeriesSet, type Tags, type Trend } from '@muster/metrics';
import { encodeNative, type WindowPayload } from '@muster/protocol';
import { ErrorGroups } from './error-groups.js';
import { statusErrorCode } from './http/error-codes.js';
import type { Exchange } from './http/exchange.js';
import type { RecordedRequest } from './http/http-user.js';
import { type Row, RowBuffer } from './row-buffer.js';
import type { SampleLabels } from './sample-labels.js';

/** The sinks that one kind of request writes to, looked up once. */
interface RequestSinks {
  readonly labels: SampleLabels;
  readonly tags: Tags | undefined;
  readonly reqs: Counter;
  readonly failed: Rate;
  readonly duration: Trend;
  readonly blocked: Trend;
  readonly connecting: Trend;
  readonly tls: Trend;
  readonly sending: Trend;
  readonly waiting: Trend;
  readonly receiving: Trend;
}

/** Tags of everything that is measured at one place of the test: scenario, group, and the author's own. */
export interface Place {
  readonly tags: Tags;
  readonly scenario: string;
  readonly group: string;
  /** Sinks by the request's name; found by walking a short list, so that no key is built per request. */
  readonly requests: Map<string, RequestSinks[]>;
  readonly sent: Counter;
  readonly received: Counter;
  readonly started: Counter;
  readonly sentRequests: Counter;
  readonly answered: Counter;
}

/** Where in its iteration a request was made. */
export interface RowPosition {
  readonly intendedMs: number;
  readonly iterationStartedMs: number;
  readonly vu: number;
  readonly iteration: number;
}

/** A second that is sealed: what the supervisor puts into its outbox. */
export interface SealedWindow {
  readonly second: number;
  readonly sealedToMs: number;
  readonly window: Buffer;
  readonly samples: Buffer | null;
}

export interface RecorderOptions {
  readonly raw: 'thinned' | 'all' | 'none';
  readonly rowsPerSecond: number;
  readonly tags: Tags;
  /** The run's clock, in milliseconds since its start. */
  readonly runMs: () => number;
  readonly onSealed: (sealed: SealedWindow) => void;
}

/** Lines of the author's `console.log` kept per second. */
const MAX_LOGS = 200;

/**
 * Takes every measurement of a worker and seals one window a second. The hot path looks nothing up: a request of a known
 * kind finds its sinks in a short list and records integers.
 */
export class Recorder {
  readonly series = new SeriesSet();
  readonly #options: RecorderOptions;
  readonly #rows: RowBuffer;
  readonly #errors = new ErrorGroups();
  #logs: WindowPayload['logs'] = [];
  #second = 0;
  /** The run's clock at the end of the window that is open. */
  #endMs = 1_000;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#rows = new RowBuffer(
      options.raw === 'none' ? 0 : options.raw === 'all' ? Number.POSITIVE_INFINITY : options.rowsPerSecond,
    );
  }

  /** The place of a scenario and group; keep it. */
  place(scenario: string, group: string, tags: Tags): Place {
    const all: Tags = { ...this.#options.tags, ...tags, scenario, group };
    return {
      tags: all,
      scenario,
      group,
      requests: new Map(),
      sent: this.series.counter('data_sent', all),
      received: this.series.counter('data_received', all),
      started: this.series.counter('started', all),
      sentRequests: this.series.counter('sent', all),
      answered: this.series.counter('answered', all),
    };
  }

  /** One exchange, at its end. */
  request(place: Place, exchange: Exchange, request: RecordedRequest, at: RowPosition): void {
    this.tick();
    place.started.add(1);
    if (exchange.sent) place.sentRequests.add(1);
    if (exchange.answered) place.answered.add(1);
    place.sent.add(exchange.bytesSent);
    place.received.add(exchange.bytesReceived);
    // An exchange that outlived its iteration is counted, not judged.
    if (request.method === '') return;
    const sinks = this.#sinksOf(place, exchange, request);
    sinks.reqs.add(1);
    sinks.failed.add(!request.expected);
    sinks.duration.addUs(exchange.durationUs);
    sinks.blocked.addUs(exchange.blockedUs);
    sinks.connecting.addUs(exchange.connectingUs);
    sinks.tls.addUs(exchange.tlsUs);
    sinks.sending.addUs(exchange.sendingUs);
    sinks.waiting.addUs(exchange.waitingUs);
    sinks.receiving.addUs(exchange.receivingUs);
    if (!request.expected) {
      this.#rows.addFailed(this.#row(exchange, sinks.labels, at));
      const cause = exchange.cause;
      if (cause !== null)
        this.error(
          cause.name,
          `${cause.text}${exchange.detail === '' ? '' : `: ${exchange.detail}`} (${request.method} ${request.name})`,
          null,
          place.scenario,
        );
    } else if (this.#rows.wants()) this.#rows.add(this.#row(exchange, sinks.labels, at));
  }

  #sinksOf(place: Place, exchange: Exchange, request: RecordedRequest): RequestSinks {
    let list = place.requests.get(request.name);
    if (list === undefined) {
      list = [];
      if (place.requests.size < this.#maxNames) place.requests.set(request.name, list);
    }
    const errorCode = exchange.cause?.number ?? statusErrorCode(exchange.status);
    for (const each of list) {
      const { labels } = each;
      if (
        labels.status === exchange.status &&
        labels.method === request.method &&
        labels.errorCode === errorCode &&
        labels.expected === request.expected &&
        each.tags === request.tags
      )
        return each;
    }
    const made = this.#makeSinks(place, exchange, request, errorCode);
    // Tags that are made anew for each request would fill the list; they are looked up each time.
    if (list.length < 64) list.push(made);
    return made;
  }

  readonly #maxNames = 10_000;

  #makeSinks(place: Place, exchange: Exchange, request: RecordedRequest, errorCode: number): RequestSinks {
    const tags: Tags = {
      ...place.tags,
      ...request.tags,
      name: request.name,
      method: request.method,
      status: String(exchange.status),
      expected_response: String(request.expected),
      ...(errorCode === 0 ? {} : { error_code: String(errorCode) }),
      ...(exchange.answered ? { proto: `HTTP/1.${exchange.minor}` } : {}),
    };
    const labels: SampleLabels = {
      scenario: place.scenario,
      group: place.group,
      name: request.name,
      method: request.method,
      status: exchange.status,
      errorCode,
      expected: request.expected,
    };
    const trend = (name: string) => this.series.trend(name, tags);
    return {
      labels,
      tags: request.tags,
      reqs: this.series.counter('http_reqs', tags),
      failed: this.series.rate('http_req_failed', tags),
      duration: trend('http_req_duration'),
      blocked: trend('http_req_blocked'),
      connecting: trend('http_req_connecting'),
      tls: trend('http_req_tls_handshaking'),
      sending: trend('http_req_sending'),
      waiting: trend('http_req_waiting'),
      receiving: trend('http_req_receiving'),
    };
  }

  #row(exchange: Exchange, labels: SampleLabels, at: RowPosition): Row {
    const endedRunMs = this.#options.runMs();
    const lengthMs = exchange.endedMs - exchange.startedMs;
    return {
      endedUs: Math.round(endedRunMs * 1_000),
      startedUs: Math.round((endedRunMs - lengthMs) * 1_000),
      intendedUs: at.intendedMs < 0 ? -1 : Math.round(at.intendedMs * 1_000),
      iterationStartedUs: Math.round(at.iterationStartedMs * 1_000),
      labels,
      durationUs: exchange.durationUs,
      blockedUs: exchange.blockedUs,
      connectingUs: exchange.connectingUs,
      tlsUs: exchange.tlsUs,
      sendingUs: exchange.sendingUs,
      waitingUs: exchange.waitingUs,
      receivingUs: exchange.receivingUs,
      bytesSent: exchange.bytesSent,
      bytesReceived: exchange.bytesReceived,
      vu: at.vu,
      iteration: at.iteration,
    };
  }

  error(code: string, message: string, where: string | null, scenario: string | null): void {
    this.#errors.add(code, message, where, scenario, this.#options.runMs());
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    if (this.#logs.length < MAX_LOGS)
      this.#logs.push({ atMs: this.#options.runMs(), level, message: message.slice(0, 8_192) });
  }

  /** Seals every second that is over; called before anything is recorded, so that it falls into its own window. */
  tick(): void {
    const nowMs = this.#options.runMs();
    while (nowMs >= this.#endMs) this.#seal(this.#endMs);
  }

  /** Seals what is open, to now: the last window of a worker. */
  finish(): void {
    this.tick();
    this.#seal(Math.max(this.#options.runMs(), this.#endMs - 1_000));
  }

  #seal(sealedToMs: number): void {
    const measured = this.#rows.measured;
    const kept = this.#rows.kept;
    const samples = this.#rows.take();
    const payload: WindowPayload = {
      second: this.#second,
      sealedToMs,
      series: this.series.snapshotAndReset() as unknown as WindowPayload['series'],
      errors: this.#errors.take(),
      rows: { measured, kept },
      logs: this.#logs,
    };
    this.#logs = [];
    this.#options.onSealed({
      second: this.#second,
      sealedToMs,
      window: encodeNative(payload),
      samples: samples === null ? null : encodeNative(samples),
    });
    this.#second += 1;
    this.#endMs += 1_000;
  }
}
