import { readFileSync } from 'node:fs';
import { SUMMARY_SCHEMA_FILE, Summary, summarySchema } from '@muster/protocol';
import { describe, expect, it } from 'vitest';

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const example = () => read('../../test/summary.fixture.json') as Summary;

describe('the exported summary', () => {
  it('has the documented shape, and nothing beside it', () => {
    expect(Summary.parse(example())).toEqual(example());
    expect(() => Summary.parse({ ...example(), more: 1 })).toThrow('more');
    for (const name of Object.keys(example()))
      expect(Summary.safeParse({ ...example(), [name]: undefined }).success, name).toBe(false);
  });

  it('has a JSON Schema beside the code that is up to date (`npm run schema -w @muster/protocol` writes it)', () => {
    expect(read(`../../${SUMMARY_SCHEMA_FILE}`)).toEqual(summarySchema());
  });

  it('requires in its JSON Schema what it always has', () => {
    const schema = summarySchema() as { required: string[]; additionalProperties: boolean };
    expect(schema.required).toEqual(Object.keys(example()));
    expect(schema.additionalProperties).toBe(false);
  });
});
