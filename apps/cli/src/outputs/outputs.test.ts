import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseOutputs } from './choose-outputs.js';
import { junitXml } from './junit-output.js';
import type { RunReport } from './output.js';

const report: RunReport = {
  run: 'r1',
  name: 'shop.ts',
  startedAt: '2026-11-24T04:00:00.250Z',
  durationMs: 1_500,
  summary: { fine: true },
  cases: [
    { group: 'checks', name: 'status is 200', timeS: 0, problems: [] },
    {
      group: 'checks',
      name: 'a < b & "c"',
      timeS: 0.25,
      problems: [{ kind: 'failure', type: 'check', message: 'line\none', text: 'trace ]]>', count: 2 }],
    },
    {
      group: 'tests',
      name: 'boom',
      timeS: 0,
      problems: [
        { kind: 'failure', type: 'f', message: 'no', text: '', count: 1 },
        { kind: 'error', type: 'e', message: 'worse', text: '', count: 1 },
      ],
    },
  ],
};

/** What XML 1.0 lets stand in a document, and a document: a stack of elements with attributes. Throws else. */
const parseXml = (xml: string): { readonly elements: number; readonly values: readonly string[] } => {
  const legal = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
  if (!legal.test(xml)) throw new Error('a character that XML does not have');
  const open: string[] = [];
  const values: string[] = [];
  let elements = 0;
  const token =
    /<\?xml version="1\.0" encoding="UTF-8"\?>|<(?<close>\/)?(?<name>[a-z]+)(?<attributes>(?: [a-z]+="(?:[^<&"]|&(?:amp|lt|gt|quot|#\d+);)*")*)(?<empty>\/)?>|(?<text>(?:[^<&]|&(?:amp|lt|gt|quot|#\d+);)+)/gy;
  let at = 0;
  for (const match of xml.matchAll(token)) {
    at = match.index + match[0].length;
    const { close, name, attributes = '', empty, text } = match.groups ?? {};
    if (text?.includes(']]>') === true) throw new Error(']]> in text');
    if (text !== undefined && open.length > 0) values.push(unescaped(text));
    if (name === undefined) continue;
    if (close !== undefined) {
      if (open.pop() !== name) throw new Error(`</${name}> closes another`);
      continue;
    }
    elements += 1;
    const names = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key = '', value = '']) => {
      values.push(unescaped(value));
      return key;
    });
    if (new Set(names).size !== names.length) throw new Error('an attribute twice');
    if (empty === undefined) open.push(name);
  }
  if (at !== xml.length || open.length > 0) throw new Error(`not well-formed at ${at}`);
  return { elements, values };
};
const unescaped = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

describe('the JUnit report', () => {
  it('has a suite a group, and one problem a case, errors before failures', () => {
    const xml = junitXml(report);
    expect(parseXml(xml).elements).toBe(8);
    expect(xml).toContain('<testsuites name="shop.ts r1" tests="3" failures="1" errors="1" skipped="0" time="1.500">');
    expect(xml).toContain(
      '<testsuite name="checks" tests="2" failures="1" errors="0" skipped="0" timestamp="2026-11-24T04:00:00" time="1.500">',
    );
    expect(xml).toContain(
      '<testcase classname="checks" name="a &lt; b &amp; &quot;c&quot;" time="0.250"><failure type="check" message="line&#10;one">',
    );
    expect(xml).toContain('<error type="e" message="worse">1 x f: no\n\n1 x e: worse</error>');
  });

  it('is well-formed whatever stands in names and messages', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(text, text, text, (name, message, more) => {
        const problems = [{ kind: 'error' as const, type: name, message, text: more, count: 1 }];
        const { values } = parseXml(junitXml({ ...report, cases: [{ group: more, name, timeS: 0, problems }] }));
        if (/^[ -~\n\t]*$/.test(message)) expect(values).toContain(message);
      }),
    );
  });
});

describe('outputs', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-outputs-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are the console unless others are named', () => {
    expect(chooseOutputs({ quiet: false }, folder)).toEqual({ quiet: false, outputs: [] });
    expect(chooseOutputs({ quiet: false, output: ['stdout'] }, folder)).toEqual({ quiet: false, outputs: [] });
    expect(chooseOutputs({ quiet: true, output: ['console'] }, folder).quiet).toBe(true);
    expect(chooseOutputs({ quiet: false, output: ['null'] }, folder)).toEqual({ quiet: true, outputs: [] });
    expect(() => chooseOutputs({ quiet: false, output: ['funkload'] }, folder)).toThrow('junit stands in its place');
  });

  it('write events and the end as lines, and the report beside it', async () => {
    const { outputs } = chooseOutputs(
      { quiet: false, output: ['file=e.jsonl', 'junit'], outputJunitFilename: 'j.xml' },
      folder,
    );
    for (const output of outputs) {
      output.event({ n: 1 });
      await output.end(report);
    }
    const lines = (await readFile(join(folder, 'e.jsonl'), 'utf8')).split('\n');
    expect(lines.map((line) => (line === '' ? null : JSON.parse(line)))).toEqual([
      { n: 1 },
      { kind: 'end', run: 'r1', name: 'shop.ts', summary: { fine: true } },
      null,
    ]);
    expect(await readFile(join(folder, 'j.xml'), 'utf8')).toBe(junitXml(report));
  });

  it('are refused before the run where there is no folder for them', () => {
    for (const output of ['file=no/where', 'junit=no/where'])
      expect(() => chooseOutputs({ quiet: false, output: [output] }, folder)).toThrow("can't write");
  });

  it('say when they can not be written', async () => {
    const { outputs } = chooseOutputs({ quiet: false, output: ['file=.', 'junit=.'] }, folder);
    for (const output of outputs) await expect(output.end(report)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
