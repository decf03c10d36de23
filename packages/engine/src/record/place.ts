import type { Counter, MetricInfo, Rate, SeriesSet, Sink, TagSet, Tags, Trend } from '@muster/metrics';
import type { Exchange } from '../http/exchange.js';
import type { RecordedRequest } from '../http/http-user.js';

/** The sinks that one kind of request writes to, looked up once. */
export interface RequestSinks {
  readonly method: string;
  /** Everything else that tells one kind of a name from another, as one number. */
  readonly code: number;
  readonly reqs: Counter;
  readonly failed: Rate;
  readonly duration: Trend;
  readonly blocked: Trend;
  readonly dns: Trend;
  readonly connecting: Trend;
  readonly tls: Trend;
  readonly sending: Trend;
  readonly waiting: Trend;
  readonly receiving: Trend;
  readonly place: Place;
  /** What went well on a connection that was open, as most does: counted here, and to the sinks when the second ends. */
  smooth: number;
  smoothSent: number;
  smoothReceived: number;
}

/** Names of requests whose sinks a place keeps at hand; others are looked up each time. */
const MAX_NAMES = 10_000;
const MAX_CHECKS = 10_000;

/**
 * A place of the test (scenario, group, the author's tags) and the sinks of what is measured there. Keep it: what is
 * looked up once is found again without building a key.
 */
export class Place {
  readonly scenario: string;
  readonly group: string;
  readonly bytesSent: Counter;
  readonly bytesReceived: Counter;
  readonly started: Counter;
  readonly sent: Counter;
  readonly answered: Counter;
  readonly #series: SeriesSet;
  readonly #tags: TagSet;
  readonly #requests = new Map<string, RequestSinks[]>();
  readonly #checks = new Map<string, Rate>();
  readonly #custom = new Map<string, Sink>();
  #last: RequestSinks | null = null;
  #lastName = '';

  constructor(series: SeriesSet, scenario: string, group: string, tags: Tags) {
    this.#series = series;
    this.scenario = scenario;
    this.group = group;
    const all = series.tags({
      ...tags,
      ...(scenario === '' ? {} : { scenario }),
      group,
    });
    this.#tags = all;
    this.bytesSent = series.counter('data_sent', all);
    this.bytesReceived = series.counter('data_received', all);
    this.started = series.counter('started', all);
    this.sent = series.counter('sent', all);
    this.answered = series.counter('answered', all);
  }

  get tags(): Tags {
    return this.#tags.tags;
  }

  /** The sinks of a request that ended so. */
  request(exchange: Exchange, request: RecordedRequest, expected: boolean, errorCode: number): RequestSinks {
    const { tags } = request;
    const code = codeOf(exchange, expected, errorCode);
    if (tags !== undefined && hasMoreThanName(tags)) return this.#tagged(exchange, request, expected, errorCode, code);
    const last = this.#last;
    if (last !== null && last.code === code && this.#lastName === request.name && last.method === request.method)
      return last;
    const sinks = this.#sinksOf(request.name, exchange, request, expected, errorCode, code);
    this.#last = sinks;
    this.#lastName = request.name;
    return sinks;
  }

  #sinksOf(
    key: string,
    exchange: Exchange,
    request: RecordedRequest,
    expected: boolean,
    errorCode: number,
    code: number,
  ): RequestSinks {
    const list = this.#requests.get(key);
    if (list !== undefined)
      for (const each of list) if (each.code === code && each.method === request.method) return each;
    const made = this.#makeSinks(exchange, request, expected, errorCode, code);
    if (list !== undefined) list.push(made);
    else if (this.#requests.size < MAX_NAMES) this.#requests.set(key, [made]);
    return made;
  }

  /** With tags of its own: they are part of the key, in the order of their names. */
  #tagged(
    exchange: Exchange,
    request: RecordedRequest,
    expected: boolean,
    errorCode: number,
    code: number,
  ): RequestSinks {
    const tags = request.tags ?? {};
    let key = request.name;
    for (const name of Object.keys(tags).sort()) key += `\u0000${name}\u0001${tags[name]}`;
    return this.#sinksOf(key, exchange, request, expected, errorCode, code);
  }

  #makeSinks(
    exchange: Exchange,
    request: RecordedRequest,
    expected: boolean,
    errorCode: number,
    code: number,
  ): RequestSinks {
    const series = this.#series;
    const tags = series.tags({
      ...this.#tags.tags,
      ...request.tags,
      name: request.name,
      method: request.method,
      status: String(exchange.status),
      expected_response: String(expected),
      ...(errorCode === 0 ? {} : { error_code: String(errorCode) }),
      ...(exchange.answered ? { proto: `HTTP/1.${exchange.minor}` } : {}),
    });
    return {
      method: request.method,
      code,
      reqs: series.counter('http_reqs', tags),
      failed: series.rate('http_req_failed', tags),
      duration: series.trend('http_req_duration', tags),
      blocked: series.trend('http_req_blocked', tags),
      dns: series.trend('http_req_dns', tags),
      connecting: series.trend('http_req_connecting', tags),
      tls: series.trend('http_req_tls_handshaking', tags),
      sending: series.trend('http_req_sending', tags),
      waiting: series.trend('http_req_waiting', tags),
      receiving: series.trend('http_req_receiving', tags),
      place: this,
      smooth: 0,
      smoothSent: 0,
      smoothReceived: 0,
    };
  }

  check(name: string, own: Tags | undefined): Rate {
    if (own !== undefined) return this.#series.rate('checks', { ...this.tags, ...own, check: name });
    let rate = this.#checks.get(name);
    if (rate === undefined) {
      rate = this.#series.rate('checks', this.#tags.with('check', name));
      if (this.#checks.size < MAX_CHECKS) this.#checks.set(name, rate);
    }
    return rate;
  }

  /** The sink of a metric that the author declared. */
  custom(name: string, info: MetricInfo, own: Tags | undefined): Sink {
    if (own !== undefined) return this.#series.series(name, { ...this.tags, ...own }, info).sink;
    let sink = this.#custom.get(name);
    if (sink === undefined) {
      sink = this.#series.series(name, this.#tags, info).sink;
      this.#custom.set(name, sink);
    }
    return sink;
  }

  groupDuration(): Trend {
    return this.#series.trend('group_duration', this.#tags);
  }
}

/** Hands what was counted apart to the sinks. */
export const settleSmooth = (sinks: RequestSinks): void => {
  const { place, smooth } = sinks;
  place.started.add(smooth);
  place.sent.add(smooth);
  place.answered.add(smooth);
  place.bytesSent.add(sinks.smoothSent);
  place.bytesReceived.add(sinks.smoothReceived);
  sinks.reqs.add(smooth);
  sinks.failed.addTimes(false, smooth);
  sinks.blocked.addZeros(smooth);
  sinks.dns.addZeros(smooth);
  sinks.connecting.addZeros(smooth);
  sinks.tls.addZeros(smooth);
  sinks.smooth = 0;
  sinks.smoothSent = 0;
  sinks.smoothReceived = 0;
};

const hasMoreThanName = (tags: Tags): boolean => {
  for (const name in tags) if (name !== 'name') return true;
  return false;
};

/** Status below 1,024, error code below 4,096, two flags, the minor version: 25 bits. */
const codeOf = (exchange: Exchange, expected: boolean, errorCode: number): number =>
  (((((errorCode & 4_095) << 10) | (exchange.status & 1_023)) << 3) |
    (expected ? 4 : 0) |
    (exchange.answered ? 2 : 0) |
    (exchange.minor & 1)) >>>
  0;
