import type { Summary } from '@muster/protocol';
import type { Colors } from 'picocolors/types.js';
import { bytes, duration, percent, trim } from './format.js';

type Metric = Summary['metrics'][string];

const SECTIONS: readonly (readonly [title: string, belongs: (name: string) => boolean])[] = [
  ['HTTP', (name) => name.startsWith('http_')],
  ['EXECUTION', (name) => /^(iteration|iterations|dropped_|vus|group_duration|started$|sent$|answered$)/.test(name)],
  ['NETWORK', (name) => name.startsWith('data_')],
];
/** Shown elsewhere in the summary, or of interest to programs alone. */
const HIDDEN = new Set(['checks', 'started', 'sent', 'answered', 'iterations_started', 'series_overflow']);
const WIDTH = 34;

/** The end summary in the shape that users of k6 know: thresholds, checks, then the metrics by section. */
export const summaryText = (summary: Summary, c: Colors): string =>
  [...thresholds(summary, c), ...results(summary, c), '', ...verdict(summary, c)].join('\n');

/** Nothing for a run that never began. */
const results = (summary: Summary, c: Colors): string[] => {
  const lines = [
    ...checks(summary, c),
    ...metricSections(summary, c),
    ...slots(summary, c),
    ...errors(summary, c),
    ...coverage(summary, c),
    ...observers(summary, c),
  ];
  return lines.length === 0 ? [] : [...heading('TOTAL RESULTS', c), ...lines];
};

const heading = (title: string, c: Colors): string[] => ['', `  ${c.bold(`█ ${title}`)}`, ''];

const thresholds = (summary: Summary, c: Colors): string[] => {
  if (summary.thresholds.length === 0) return [];
  const lines = heading('THRESHOLDS', c);
  for (const metric of new Set(summary.thresholds.map((each) => each.metric))) {
    lines.push(`    ${metric}`);
    for (const each of summary.thresholds.filter((one) => one.metric === metric)) {
      const value = each.value === null ? 'no data' : thresholdValue(summary, each.metric, each.expression, each.value);
      lines.push(`    ${each.ok ? c.green('✓') : c.red('✗')} '${each.expression}' ${value}`);
    }
    lines.push('');
  }
  return lines.slice(0, -1);
};

const thresholdValue = (summary: Summary, metric: string, expression: string, value: number): string => {
  const source = summary.metrics[metric.split('{')[0] ?? metric];
  const aggregation = expression.split(/[<>=!]/)[0]?.trim() ?? '';
  const shown =
    source?.type === 'rate' ? percent(value) : source?.type === 'trend' ? number(value, source.contains) : trim(value);
  return `${aggregation}=${shown}`;
};

const checks = (summary: Summary, c: Colors): string[] => {
  if (summary.checks.length === 0) return [];
  const passes = summary.checks.reduce((sum, each) => sum + each.passes, 0);
  const fails = summary.checks.reduce((sum, each) => sum + each.fails, 0);
  const all = passes + fails;
  const rate = all / Math.max(summary.run.durationMs / 1_000, 0.001);
  const lines = [
    `    ${dotted('checks_total')} ${all}  ${trim(rate)}/s`,
    `    ${dotted('checks_succeeded')} ${percent(all === 0 ? 0 : passes / all)}  ${passes} out of ${all}`,
    `    ${dotted('checks_failed')} ${percent(all === 0 ? 0 : fails / all)}  ${fails} out of ${all}`,
    '',
  ];
  for (const each of summary.checks) {
    const name =
      each.group === '' ? each.name : `${each.group.replace(/^::/, '').replaceAll('::', ' › ')} › ${each.name}`;
    lines.push(`    ${each.fails === 0 ? c.green('✓') : c.red('✗')} ${name}`);
    if (each.fails > 0) {
      const share = Math.floor((each.passes / (each.passes + each.fails)) * 100);
      lines.push(c.red(`      ↳  ${share}% — ✓ ${each.passes} / ✗ ${each.fails}`));
    }
  }
  return [...lines, ''];
};

const metricSections = (summary: Summary, c: Colors): string[] => {
  const names = Object.keys(summary.metrics)
    .filter((name) => !HIDDEN.has(name))
    .sort();
  const custom = names.filter((name) => !SECTIONS.some(([, belongs]) => belongs(name)));
  const sections: [string, string[]][] = [
    ['CUSTOM', custom],
    ...SECTIONS.map(([title, belongs]): [string, string[]] => [title, names.filter(belongs)]),
  ];
  return sections
    .filter(([, members]) => members.length > 0)
    .flatMap(([title, members]) => [
      `    ${c.bold(title)}`,
      ...members.flatMap((name) => metricLines(summary, name, c)),
      '',
    ]);
};

const metricLines = (summary: Summary, name: string, c: Colors): string[] => {
  const metric = summary.metrics[name];
  if (metric === undefined) return [];
  const subs = Object.entries(summary.submetrics).filter(([, sub]) => sub.metric === name);
  return [
    `    ${dotted(name)} ${valuesText(metric, c)}`,
    ...subs.map(([key, sub]) => `    ${dotted(`  { ${key.slice(key.indexOf('{') + 1, -1)} }`)} ${valuesText(sub, c)}`),
  ];
};

const dotted = (name: string): string =>
  name.length >= WIDTH ? `${name}:` : `${name}${'.'.repeat(WIDTH - name.length)}:`;

const number = (value: number, contains: Metric['contains']): string =>
  contains === 'time' ? duration(value) : contains === 'data' ? bytes(value) : trim(value);

const valuesText = (metric: Pick<Metric, 'type' | 'contains' | 'values'>, c: Colors): string => {
  const { values } = metric;
  const one = (key: string) => values[key] ?? 0;
  switch (metric.type) {
    case 'counter':
      return `${c.cyan(number(one('count'), metric.contains))}  ${c.dim(`${number(one('rate'), metric.contains)}/s`)}`;
    case 'gauge':
      return `${c.cyan(number(one('value'), metric.contains))}  ${c.dim(`min=${trim(one('min'))} max=${trim(one('max'))}`)}`;
    case 'rate':
      return `${c.cyan(percent(one('rate')))}  ${c.dim(`${one('passes')} out of ${one('passes') + one('fails')}`)}`;
    case 'trend':
      return Object.entries(values)
        .filter(([key]) => key !== 'count')
        .map(([key, value]) => `${key}=${c.cyan(value === null ? '-' : number(value, metric.contains))}`)
        .join(' ');
  }
};

const slots = (summary: Summary, c: Colors): string[] => {
  const lines = Object.entries(summary.coverage.slots ?? {})
    .filter(([, slot]) => slot.unknown > 0 || Object.keys(slot.dropped).length > 0)
    .map(([name, slot]) => {
      const dropped = Object.entries(slot.dropped).map(([why, count]) => `${count} dropped (${why})`);
      const unknown = slot.unknown > 0 ? [`${slot.unknown} unknown`] : [];
      return `    ${name}: ${slot.planned} planned = ${[`${slot.started} started`, ...dropped, ...unknown].join(' + ')}`;
    });
  return lines.length === 0 ? [] : [`    ${c.bold('STARTS')}`, ...lines, ''];
};

const errors = (summary: Summary, c: Colors): string[] => {
  if (summary.errors.length === 0) return [];
  const shown = [...summary.errors].sort((a, b) => b.count - a.count).slice(0, 10);
  return [
    `    ${c.bold('ERRORS')}`,
    ...shown.map(
      (each) =>
        `    ${c.red(`${each.count} ×`)} ${each.code} ${each.message.split('\n')[0]}${each.where === null ? '' : c.dim(` at ${each.where}`)}`,
    ),
    ...(summary.errors.length > shown.length ? [`    and ${summary.errors.length - shown.length} more kinds`] : []),
    '',
  ];
};

const coverage = (summary: Summary, c: Colors): string[] => {
  const { coverage: it } = summary;
  if (it.complete) return [];
  return [
    `    ${c.yellow('results are incomplete')}: ${percent(it.ratio)} covered`,
    ...it.gaps.map(
      (gap) =>
        `    ${c.yellow('gap')} ${gap.agent} worker ${gap.worker}, ${duration(gap.fromMs)} to ${duration(gap.toMs)}: ${gap.why}${gap.unknownSlots > 0 ? `, ${gap.unknownSlots} starts unknown` : ''}`,
    ),
    '',
  ];
};

/** Told after the summary is made, so `muster show` has them and the end of `muster run` seldom. */
const observers = (summary: Summary, c: Colors): string[] => {
  const lines = summary.run.events.flatMap(({ kind, text }) => (kind === 'observer' ? [text] : []));
  return observerLines(lines, c);
};

/** `NAME: what became of it`, each. */
export const observerLines = (lines: readonly string[], c: Colors): string[] =>
  lines.length === 0
    ? []
    : [
        `    ${c.bold('OBSERVERS')}`,
        ...lines.map((text) => `    ${/^[^:]+: told/.test(text) ? c.green('✓') : c.red('✗')} ${text}`),
        '',
      ];

/** How the run ended, why, and which it was. */
export const verdictText = (summary: Summary, c: Colors): string => verdict(summary, c).join('\n');

const verdict = (summary: Summary, c: Colors): string[] => {
  const paint = summary.run.verdict === 'passed' ? c.green : c.red;
  const why = summary.run.reason === null ? '' : `: ${summary.run.reason}`;
  return [
    `  ${paint(c.bold(summary.run.verdict))}${why}`,
    c.dim(`  run ${summary.run.id}, ${duration(summary.run.durationMs)}, exit code ${summary.run.exitCode}`),
  ];
};
