import type { Contains, MetricInfo } from './metric-info.js';

const counter = (contains: Contains = 'default'): MetricInfo => ({ type: 'counter', contains, unit: 'fixed' });
const level: MetricInfo = { type: 'gauge', contains: 'default', unit: 'fixed', summed: true };
const rate: MetricInfo = { type: 'rate', contains: 'default', unit: 'fixed' };
const time: MetricInfo = { type: 'trend', contains: 'time', unit: 'us' };

/**
 * The metrics that every run has: k6's names and definitions, and below them ours. `http_req_duration` is sending +
 * waiting + receiving, without DNS, connecting and TLS. A map without a prototype: no name is found in it by accident.
 */
export const BUILTIN: Readonly<Record<string, MetricInfo>> = Object.freeze(
  Object.assign(Object.create(null) as Record<string, MetricInfo>, {
    /** One per request at its end, whatever its outcome; each hop of a redirect is one. */
    http_reqs: counter(),
    http_req_duration: time,
    /** Waiting for a connection, and making one. */
    http_req_blocked: time,
    http_req_connecting: time,
    http_req_tls_handshaking: time,
    http_req_sending: time,
    http_req_waiting: time,
    http_req_receiving: time,
    /** True where the status was not an expected one (200 to 399 by default). */
    http_req_failed: rate,
    /** Iterations completed. */
    iterations: counter(),
    iteration_duration: time,
    dropped_iterations: counter(),
    /** Virtual users at work, over the whole cluster. */
    vus: level,
    /** Virtual users made, over the whole cluster. */
    vus_max: level,
    checks: rate,
    group_duration: time,
    data_sent: counter('data'),
    data_received: counter('data'),
    /** Tries to open a WebSocket, whatever came of them. */
    ws_sessions: counter(),
    ws_msgs_sent: counter(),
    ws_msgs_received: counter(),
    /** From the call to the answer to the handshake, or to what came in its place. */
    ws_connecting: time,
    /** From the call until the socket was closed; of sockets that were open. */
    ws_session_duration: time,
    /** From a ping to its pong. */
    ws_ping: time,
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
    /** Finding the address of a host. */
    http_req_dns: time,
    /** Look-ups of series that found no room, by `metric` and the names of the `tags` of the first of them. */
    series_overflow: counter(),
    /** Values that were no finite number and were left out, by `metric`. */
    values_rejected: counter(),
  } satisfies Record<string, MetricInfo>),
);
