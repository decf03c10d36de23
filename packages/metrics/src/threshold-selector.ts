import type { Tags } from './tag-set.js';
import { scan, type TextScanner } from './text-scanner.js';

/** A metric with the tags that choose among its series: `http_req_duration{name:cart}`. */
export interface Selector {
  readonly metric: string;
  readonly tags: Tags;
}

/**
 * Reads a threshold's key; a text that says what is wrong, and at which character, otherwise. The first colon ends a
 * tag's name (`group:::cart` is the group `::cart`); a value with a comma or a brace in it stands in quotes.
 */
export const parseSelector = (key: string): Selector | string =>
  scan(key, (from) => {
    from.skipSpace();
    const metric = from.need(/[A-Za-z_][\w.-]*/y, 'the name of a metric');
    from.skipSpace();
    const tags: [string, string][] = [];
    if (!from.ended) {
      from.need(/\{\s*/y, '"{"');
      while (from.take(/\}/y) === undefined) {
        if (tags.length > 0) from.need(/,\s*/y, '"," or "}"');
        tags.push(readTag(from));
      }
      from.skipSpace();
      from.needEnd();
    }
    return { metric, tags: Object.fromEntries(tags) };
  });

const readTag = (from: TextScanner): [name: string, value: string] => {
  const name = from.need(/[^:{},"']+/y, 'the name of a tag').trim();
  from.need(/:\s*/y, '":" and the value of the tag');
  const quoted = from.take(/"[^"]*"|'[^']*'/y);
  const value = quoted === undefined ? (from.take(/[^{},]*/y) ?? '').trim() : quoted.slice(1, -1);
  from.skipSpace();
  return [name, value];
};
