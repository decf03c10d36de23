import type { Contains, MetricType, TrendUnit } from './sinks.js';

/** What a metric is, apart from its values. */
export interface MetricInfo {
  readonly type: MetricType;
  readonly contains: Contains;
  readonly unit: TrendUnit;
}

const counter = (contains: Contains = 'default'): MetricInfo => ({ type: 'counter', contains, unit: 'fixed' });
const gauge: MetricInfo = { type: 'gauge', contains: 'default', unit: 'fixed' };
const rate: MetricInfo = { type: 'rate', contains: 'default', unit: 'fixed' };
const time: MetricInfo = { type: 'trend', contains: 'time', unit: 'us' };

/**
 * The metrics that every run has: k6's names and definitions, and below them ours. `http_req_duration` is sending +
 * waiting + receiving, without DNS, connecting and TLS.
 */
export const BUILTIN: Readonly<Record<string, MetricInfo>> = {
  http_reqs: counter(),
  http_req_duration: time,
  http_req_blocked: time,
  http_req_connecting: time,
  http_req_tls_handshaking: time,
  http_req_sending: time,
  http_req_waiting: time,
  http_req_receiving: time,
  http_req_failed: rate,
  iterations: counter(),
  iteration_duration: time,
  dropped_iterations: counter(),
  vus: gauge,
  vus_max: gauge,
  checks: rate,
  group_duration: time,
  data_sent: counter('data'),
  data_received: counter('data'),
  /** Requests begun. */
  started: counter(),
  /** Requests whose last byte was handed to the kernel. */
  sent: counter(),
  /** Requests whose answer came whole. */
  answered: counter(),
  /** Iterations begun. */
  iterations_started: counter(),
  /** Iterations that the default function threw out of. */
  iterations_failed: counter(),
  /** Iterations cut off by the end of a graceful stop. */
  iterations_interrupted: counter(),
  /** Actual minus intended start, of executors with a schedule. */
  iteration_lag: time,
};
