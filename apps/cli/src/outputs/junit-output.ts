import { writeFile } from 'node:fs/promises';
import { unwritten } from './file-output.js';
import type { Output, ReportCase, ReportProblem, RunReport } from './output.js';

/** A report that CI servers read: a suite for each group, a test case for each threshold, check or test. */
export const junitOutput = (path: string): Output => ({
  event: () => undefined,
  end: async (report) => {
    await writeFile(path, junitXml(report)).catch((cause: Error) => {
      throw unwritten(path, cause);
    });
  },
});

/** The report as XML. */
export const junitXml = ({ name, run, startedAt, durationMs, cases }: RunReport): string => {
  const groups = [...new Set(cases.map(({ group }) => group))];
  const suites = groups.map((group) => {
    const own = cases.filter((each) => each.group === group);
    const timestamp = startedAt === null ? {} : { timestamp: startedAt.replace(/(\.\d+)?Z$/, '') };
    const facts = { name: group, ...totals(own), ...timestamp, time: seconds(durationMs / 1_000) };
    return element('testsuite', facts, own.map((each) => testCase(each)).join(''));
  });
  const facts = { name: `${name} ${run}`, ...totals(cases), time: seconds(durationMs / 1_000) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', facts, suites.join(''))}`;
};

const totals = (cases: readonly ReportCase[]) => {
  const errors = cases.filter(({ problems }) => problems.some(({ kind }) => kind === 'error')).length;
  const bad = cases.filter(({ problems }) => problems.length > 0).length;
  return { tests: cases.length, failures: bad - errors, errors, skipped: 0 };
};

const testCase = ({ group, name, timeS, problems }: ReportCase): string =>
  element('testcase', { classname: group, name, time: seconds(timeS) }, worst(problems));

/** A test case holds one failure or error in what CI servers read, so all are in its text. */
const worst = (problems: readonly ReportProblem[]): string => {
  const first = problems.find(({ kind }) => kind === 'error') ?? problems[0];
  if (first === undefined) return '';
  const text = problems.map(({ type, message, text: more, count }) => `${count} x ${type}: ${message}\n${more}`.trim());
  return element(first.kind, { type: first.type, message: first.message }, escaped(text.join('\n\n')));
};

const seconds = (value: number): string => value.toFixed(3);

const element = (name: string, attributes: Readonly<Record<string, string | number>>, content: string): string => {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value), true)}"`);
  return content === '' ? `<${name}${list.join('')}/>\n` : `<${name}${list.join('')}>${content}</${name}>\n`;
};

/** XML 1.0 has no way at all to write most control characters, half surrogates and two others. */
const NOT_IN_XML =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const escaped = (text: string, attribute = false): string => {
  const safe = text
    .replace(NOT_IN_XML, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  return attribute ? safe.replaceAll('\t', '&#9;').replaceAll('\n', '&#10;').replaceAll('\r', '&#13;') : safe;
};
