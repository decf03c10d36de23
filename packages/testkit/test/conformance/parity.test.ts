import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

interface Row {
  readonly number: number;
  readonly state: string;
  readonly note: string;
  readonly tests: readonly (readonly [file: string, sentence: string])[];
}
/** The rows of the table that begin with a number. */
const rows: readonly Row[] = read('docs/loads-parity.md')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => {
    const [first = '', , state = '', note = '', tests = ''] = line.slice(2, -2).split(' | ');
    return {
      number: Number(first),
      state,
      note,
      tests: [...tests.matchAll(/`([^`]+)`: “([^”]+)”/g)].map(
        ([, file = '', sentence = '']) => [file, sentence] as const,
      ),
    };
  });

describe('the list of what the original has', () => {
  it('has all 80 rows, in their order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 80 }, (_, at) => at + 1));
  });

  it('says of each row that it is done, with a test, or gives a reason', () => {
    for (const { number, state, note, tests } of rows) {
      expect(['done', 'refused', 'later'], `row ${number}`).toContain(state);
      if (state === 'done') expect(tests.length, `row ${number}`).toBeGreaterThan(0);
      else expect(note.length, `row ${number}`).toBeGreaterThan(10);
    }
  });

  it('names test files that there are, and sentences that stand in them', () => {
    for (const { number, tests } of rows)
      for (const [file, sentence] of tests) {
        expect(existsSync(`${ROOT}${file}`), `row ${number}: ${file}`).toBe(true);
        expect(read(file).replaceAll("\\'", "'").includes(sentence), `row ${number}: ${file}: ${sentence}`).toBe(true);
      }
  });
});

describe('the manual', () => {
  it('gives units of systemd with only flags that the programs know', () => {
    const starts = [...read('docs/deploying.md').matchAll(/^ExecStart=\S*\/(muster-(?:broker|agent)) (.*)$/gm)];
    expect(starts.map(([, name]) => name).sort()).toEqual(['muster-agent', 'muster-broker']);
    for (const [, name = '', flags = ''] of starts) {
      const bin = `${ROOT}packages/${name.replace('muster-', '')}/bin/${name}.js`;
      const help = spawnSync(process.execPath, [bin, '--help'], { encoding: 'utf8' }).stdout;
      for (const [flag] of flags.matchAll(/--[a-z-]+/g)) expect(help, `${name} ${flag}`).toContain(`${flag} `);
    }
  });
});
