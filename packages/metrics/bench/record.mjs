// Values recorded a second, and what a histogram costs in bytes. Build the package first; run alone on the machine.
import { Histogram, SeriesSet } from '../dist/index.js';

const VALUES = 1 << 16;
const ROUNDS = 300;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const logNormal = (middle, sigma) => Math.round(middle * Math.exp(sigma * normal()));

const measure = (name, values, record) => {
  const rates = [];
  for (let repetition = 0; repetition < 7; repetition += 1) {
    const startedNs = process.hrtime.bigint();
    for (let round = 0; round < ROUNDS; round += 1) for (let at = 0; at < values.length; at += 1) record(values[at]);
    rates.push((ROUNDS * values.length * 1_000) / Number(process.hrtime.bigint() - startedNs));
  }
  console.log(`${name}: ${median(rates.slice(2)).toFixed(0)} M/s`);
};

const latencies = Float64Array.from({ length: VALUES }, () => logNormal(50_000, 0.5));
const histogram = new Histogram();
measure('Histogram.record, log-normal around 50 ms', latencies, (value) => histogram.record(value));
const trend = new SeriesSet().trend('http_req_duration', {});
measure('Trend.addUs, the same', latencies, (value) => trend.addUs(value));
const custom = new SeriesSet().trend('mine', {});
const fractions = latencies.map((us) => us / 1_000);
measure('Trend.add, the same as milliseconds', fractions, (value) => custom.add(value));

const window = new Histogram();
for (const value of latencies.subarray(0, 200)) window.record(value);
const bytes = window.encode();
console.log(`200 values encoded: ${bytes.length} bytes`);
const total = new Histogram();
const startedNs = process.hrtime.bigint();
for (let n = 0; n < 50_000; n += 1) total.merge(Histogram.decode(bytes));
console.log(`decode and merge them: ${(Number(process.hrtime.bigint() - startedNs) / 50_000 / 1_000).toFixed(1)} us`);

const set = new SeriesSet();
globalThis.gc?.();
const before = process.memoryUsage();
for (let n = 0; n < 1_000; n += 1) {
  const tags = set.tags({ scenario: 'default', name: `page ${n}`, status: '200', method: 'GET' });
  for (const name of [
    'http_req_duration',
    'http_req_blocked',
    'http_req_connecting',
    'http_req_sending',
    'http_req_waiting',
  ])
    for (let at = 0; at < 200; at += 1) set.trend(name, tags).addUs(latencies[(n * 200 + at) % VALUES]);
  for (const name of ['http_reqs', 'started', 'sent', 'answered', 'data_sent']) set.counter(name, tags).add(1);
}
globalThis.gc?.();
const after = process.memoryUsage();
const used = after.heapUsed + after.external - before.heapUsed - before.external;
console.log(
  `${set.size} series, half of them trends of 200 values: ${(used / 2 ** 20).toFixed(1)} MiB (run with --expose-gc)`,
);
const sealedAtNs = process.hrtime.bigint();
const snapshots = set.snapshotAndReset();
if (snapshots.length !== set.size) throw new Error(`only ${snapshots.length} of ${set.size} series were sealed`);
console.log(
  `sealed into ${snapshots.length} snapshots: ${(Number(process.hrtime.bigint() - sealedAtNs) / 1e6).toFixed(1)} ms`,
);
