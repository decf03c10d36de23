/** How the end of a body is found (RFC 9112, section 6.3), before method and status are looked at. */
export type Framing = 'length' | 'chunked' | 'close';

/** The parts of a head that decide how the rest is read. */
export interface HeadFacts {
  readonly status: number;
  readonly minor: number;
  readonly framing: Framing;
  /** Bytes of a body with `framing: 'length'`. */
  readonly length: number;
  readonly keepAlive: boolean;
  /** There is a `Content-Encoding`. */
  readonly encoded: boolean;
  readonly hasCookies: boolean;
}

/** Header fields by canonical name (`Content-Type`); several of one name are joined with a comma. */
export interface ResponseFields {
  readonly headers: Readonly<Record<string, string>>;
  /** Values of `Set-Cookie`, one by one. */
  readonly cookies: readonly string[];
}

/** The head of an answer. Its fields are parsed when somebody asks, once; equal answers may share one head. */
export class ResponseHead implements HeadFacts {
  readonly status: number;
  readonly minor: number;
  readonly framing: Framing;
  readonly length: number;
  readonly keepAlive: boolean;
  readonly encoded: boolean;
  readonly hasCookies: boolean;
  /** As it came, without the empty line at its end; latin1. */
  readonly text: string;
  #fields: ResponseFields | undefined;

  constructor(facts: HeadFacts, text: string) {
    this.status = facts.status;
    this.minor = facts.minor;
    this.framing = facts.framing;
    this.length = facts.length;
    this.keepAlive = facts.keepAlive;
    this.encoded = facts.encoded;
    this.hasCookies = facts.hasCookies;
    this.text = text;
  }

  /** The words after the status. */
  get reason(): string {
    return (this.text.split('\n', 1)[0] ?? '').slice(13).trim();
  }
  get fields(): ResponseFields {
    this.#fields ??= parseFields(this.text);
    return this.#fields;
  }
}

const parseFields = (text: string): ResponseFields => {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  const cookies: string[] = [];
  // A line that begins with white space goes on with the one before (RFC 9112, section 5.2).
  for (const line of text
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)
    .slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = canonicalName(line.slice(0, colon));
    const value = line.slice(colon + 1).trim();
    if (name === 'Set-Cookie') cookies.push(value);
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { headers, cookies };
};

/** `content-type` as `Content-Type`: how k6 and Go write names. */
export const canonicalName = (name: string): string =>
  name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
