export type Tags = Readonly<Record<string, string>>;

/** The tag of the one series per metric that takes what is over the bound. */
export const OVERFLOW_TAGS: Tags = Object.freeze({ overflow: 'true' });

export interface TagBounds {
  /** How many different sets are kept. */
  readonly maxSets: number;
  /** Tags of a set; more are cut off, in the order given. */
  readonly maxTags: number;
  /** Bytes, as UTF-8, of a tag's name and of its value; longer ones are cut. */
  readonly maxTagBytes: number;
}

/**
 * A set of tags that a {@link TagTable} keeps once: the same tags are the same object with the same `id`, so that a
 * series is found by number. Hold on to it.
 */
export class TagSet {
  /** -1: the table was full, there is no such set. */
  readonly id: number;
  readonly tags: Tags;
  readonly table: TagTable;
  readonly #extended = new Map<string, Map<string, TagSet>>();

  constructor(id: number, tags: Tags, table: TagTable) {
    this.id = id;
    this.tags = tags;
    this.table = table;
  }

  /** These tags and one more; remembered, so that asking again builds nothing. */
  with(name: string, value: string): TagSet {
    let byValue = this.#extended.get(name);
    const found = byValue?.get(value);
    if (found !== undefined) return found;
    const made = this.table.of({ ...this.tags, [name]: value });
    if (this.id < 0 || made.id < 0) return made;
    if (byValue === undefined) {
      byValue = new Map();
      this.#extended.set(name, byValue);
    }
    byValue.set(value, made);
    return made;
  }
}

/** All tag sets of a {@link SeriesSet}, each kept once, bounded in number and size. */
export class TagTable {
  readonly #bounds: TagBounds;
  readonly #byKey = new Map<string, TagSet>();
  #cut = 0;

  constructor(bounds: TagBounds) {
    this.#bounds = bounds;
  }

  /** How often tags were cut off or shortened. */
  get cut(): number {
    return this.#cut;
  }

  /** The set of these tags. The order in which they are given does not matter. */
  of(given: Tags): TagSet {
    const tags = this.#fit(given);
    const key = keyOf(tags);
    const found = this.#byKey.get(key);
    if (found !== undefined) return found;
    if (this.#byKey.size >= this.#bounds.maxSets) return new TagSet(-1, tags, this);
    const made = new TagSet(this.#byKey.size, tags, this);
    this.#byKey.set(key, made);
    return made;
  }

  /** A copy within the bounds. Authors write plain JavaScript too: a value that is no text becomes one. */
  #fit(given: Tags): Tags {
    const { maxTags, maxTagBytes } = this.#bounds;
    const entries = Object.entries(given);
    let cut = entries.length > maxTags;
    const fitting = entries.slice(0, maxTags).map(([name, value]) => {
      const text = String(value);
      const short = [cutToBytes(name, maxTagBytes), cutToBytes(text, maxTagBytes)] as const;
      cut ||= short[0] !== name || short[1] !== text;
      return short;
    });
    if (cut) this.#cut += 1;
    return Object.freeze(Object.fromEntries(fitting));
  }
}

/** Lengths in front, so that no text inside a tag can look like two tags. */
const keyOf = (tags: Tags): string => {
  let key = '';
  for (const name of Object.keys(tags).sort()) {
    const value = tags[name] as string;
    key += `${name.length}:${name}${value.length}:${value}`;
  }
  return key;
};

/** The longest beginning of a text that takes at most so many bytes as UTF-8; no character is cut in two. */
export const cutToBytes = (text: string, maxBytes: number): string => {
  if (text.length * 3 <= maxBytes) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
    if (bytes > maxBytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
};
