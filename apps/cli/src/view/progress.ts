import type { Progress } from '@muster/protocol';
import type { Colors } from 'picocolors/types.js';
import { clock, duration, percent, trim } from './format.js';

const BAR = 24;

const bar = (ratio: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, ratio)) * BAR);
  return full === BAR ? '='.repeat(BAR) : `${'='.repeat(full)}>${'-'.repeat(BAR - full - 1)}`;
};

const latency = (progress: Progress): string => {
  const it = progress.latency.second ?? progress.latency.total;
  return it === null ? 'no answers yet' : `p50 ${duration(it.p50)}  p95 ${duration(it.p95)}  p99 ${duration(it.p99)}`;
};

const vus = (progress: Progress): string => {
  const active = progress.scenarios.reduce((sum, each) => sum + each.vus, 0);
  const most = progress.scenarios.reduce((sum, each) => sum + each.maxVus, 0);
  return `${active}/${most} VUs`;
};

const time = (progress: Progress): string =>
  progress.plannedMs === null
    ? clock(progress.atMs)
    : `${clock(Math.min(progress.atMs, progress.plannedMs))}/${clock(progress.plannedMs)}`;

const dropped = (progress: Progress): string =>
  progress.iterations.dropped > 0 ? `, ${progress.iterations.dropped} dropped` : '';

/** One line, for pipes and logs. */
export const progressLine = (progress: Progress): string =>
  [
    `${progress.state} (${time(progress)})`,
    vus(progress),
    `${progress.iterations.count} iterations${dropped(progress)}`,
    `${trim(progress.requests.rate)} req/s`,
    `${percent(progress.requests.failedRate)} failed`,
    latency(progress),
    `${progress.agents.length} agent${progress.agents.length === 1 ? '' : 's'}`,
  ].join(', ');

/** The block that is drawn over and over on a terminal. */
export const progressBlock = (progress: Progress, c: Colors, columns: number): string => {
  const width = Math.max(8, ...progress.scenarios.map((each) => Math.min(24, each.name.length)));
  const failed = progress.requests.failed > 0 ? c.red : c.green;
  const lines = [
    `${c.bold(progress.state)} (${time(progress)}), ${vus(progress)}, ${progress.iterations.count} complete${dropped(progress)}`,
    ...progress.scenarios.map(
      (each) =>
        `  ${each.name.slice(0, 24).padEnd(width)} [${bar(each.ratio)}] ${String(Math.round(each.ratio * 100)).padStart(3)}%  ${each.vus}/${each.maxVus} VUs  ${trim(each.rate)} iters/s${each.planned === null ? '' : `  ${each.iterations}/${each.planned}`}`,
    ),
    `  ${'http'.padEnd(width)} ${c.cyan(`${trim(progress.requests.rate)} req/s`)}  ${failed(`${percent(progress.requests.failedRate)} failed`)}  ${latency(progress)}`,
    ...progress.thresholds
      .filter((each) => !each.ok && each.value !== null)
      .map((each) => `  ${c.red('✗')} ${each.metric} ${each.expression} (${trim(each.value ?? 0)})`),
    ...progress.agents.map(
      (each) =>
        `  ${c.dim(`${each.id.padEnd(width)} ${each.state}, ${each.vus} VUs, cpu ${trim(each.cpu)}, lag ${duration(each.lagMs)}`)}`,
    ),
  ];
  return lines.map((line) => clip(line, columns)).join('\n');
};

const ESCAPE = String.fromCharCode(27);
const COLOUR = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`);

/** Cuts a line to the terminal's width without counting (or cutting) colour codes. */
const clip = (line: string, columns: number): string => {
  let shown = 0;
  let out = '';
  for (const part of line.split(COLOUR)) {
    if (part.startsWith(ESCAPE)) out += part;
    else if (shown < columns) {
      out += part.slice(0, columns - shown);
      shown += part.length;
    }
  }
  return out;
};
