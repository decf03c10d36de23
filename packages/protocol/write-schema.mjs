// Writes summary.schema.json anew from the schema in the code; a test compares the two.
import { writeFileSync } from 'node:fs';
import { SUMMARY_SCHEMA_FILE, summarySchema } from './dist/index.js';

writeFileSync(new URL(SUMMARY_SCHEMA_FILE, import.meta.url), `${JSON.stringify(summarySchema(), null, 2)}\n`);
