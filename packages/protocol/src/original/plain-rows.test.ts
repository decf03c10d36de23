import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPlainRows, wholeRow } from './plain-rows.js';
import { readResult, rowsOf } from './results.js';

/** Rows of a message by the schema, and by hand; null: refused. */
const bySchema = (text: string) => {
  try {
    return rowsOf(readResult(Buffer.from(text)));
  } catch {
    return null;
  }
};
const byHand = (text: string) => {
  const message = readPlainRows(text);
  if (message === null) return null;
  const rows = message.kinds.flatMap(([kind, all]) => all.map((row) => wholeRow(message, kind, row)));
  return { rows, bad: message.bad };
};

const scalar = fc.oneof(
  fc.constantFrom(null, true, '', 'text', 0, -1, 1.5, 2 ** 60, [], {}, ['a', 1], '__proto__'),
  fc.string({ maxLength: 4 }),
);
const status = fc.oneof(
  fc.constant([2, 2, 1, 0]),
  fc.constant(['2', 2, '1', 0]),
  fc.array(scalar, { minLength: 3, maxLength: 5 }),
  scalar,
);
const trace = fc.oneof(fc.array(fc.string({ maxLength: 3 })), scalar);
/** Mostly as it should be, so that both verdicts come often. */
const mostly = (value: unknown) => fc.oneof({ weight: 12, arbitrary: fc.constant(value) }, scalar);
const nested = fc.integer({ min: 25, max: 35 }).map((depth) => {
  let value: unknown = 1;
  for (let n = 0; n < depth; n += 1) value = n % 2 === 0 ? [value] : { a: value };
  return value;
});
const fields = fc.record(
  {
    test: mostly('a (b.C)'),
    loads_status: status,
    exc_info: trace,
    url: mostly('http://x/'),
    method: mostly('GET'),
    status: mostly(200),
    started: mostly('2013-08-23T10:00:00'),
    elapsed: mostly(0.5),
    size: mostly(7),
    extra: fc.oneof({ weight: 9, arbitrary: scalar }, nested),
    __proto__: scalar,
  },
  { requiredKeys: ['url', 'method', 'status', 'started', 'elapsed'] },
);
const kind = fc.oneof(
  fc.constantFrom(
    'startTestRun',
    'stopTestRun',
    'startTest',
    'stopTest',
    'addSuccess',
    'addFailure',
    'addError',
    'add_hit',
    'socket_open',
    'socket_close',
    'socket_message',
    'my-counter',
    'constructor',
    'x'.repeat(257),
  ),
  fc.string({ maxLength: 3 }),
);
const envelope = { agent_id: mostly('vm-1'), run_id: mostly('r'), hostname: mostly('vm') };
const single = fc
  .tuple(fields, fc.record({ data_type: fc.oneof(kind, scalar), ...envelope }, { requiredKeys: [] }))
  .map(([row, around]) => ({ ...row, ...around }));
const batch = fc.record(
  {
    data_type: fc.constant('batch'),
    ...envelope,
    counts: fc.oneof(
      {
        weight: 12,
        arbitrary: fc.dictionary(kind, fc.array(fc.oneof({ weight: 30, arbitrary: fields }, scalar), { maxLength: 4 })),
      },
      scalar,
    ),
  },
  { requiredKeys: ['data_type', 'counts'] },
);
const text = fc.oneof(
  fc.oneof(single, batch).map((message) => JSON.stringify(message)),
  fc.oneof(single, batch).map((message) => JSON.stringify(message, null, 1).replaceAll('"text"', '1e999')),
  fc.oneof(single, batch).map((message) => JSON.stringify(message).replaceAll('extra', '\\u005f_proto__')),
  fc.json(),
  fc.string(),
);

describe('rows read by hand', () => {
  it('are those of the schema, and refused where it refuses', () => {
    const seen = { rows: 0, bad: 0, refused: 0 };
    fc.assert(
      fc.property(text, (each) => {
        const expected = bySchema(each);
        expect(byHand(each)).toEqual(expected);
        seen.rows += expected?.rows.length ?? 0;
        seen.bad += expected?.bad ?? 0;
        seen.refused += expected === null ? 1 : 0;
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.rows, seen.bad, seen.refused)).toBeGreaterThan(50);
  });
});
