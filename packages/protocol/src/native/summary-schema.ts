import { z } from 'zod';
import { Summary } from './summary.js';

/** Where the JSON Schema of the exported summary stands in this package. */
export const SUMMARY_SCHEMA_FILE = 'summary.schema.json';

/** The exported summary as JSON Schema (2020-12), for programs in other languages. */
export const summarySchema = (): Record<string, unknown> => ({
  title: 'Exported summary of a Muster run, version 1',
  ...z.toJSONSchema(Summary, { target: 'draft-2020-12' }),
});
