import type { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';

/** The answer to text that does not parse: word for word what programs of the original expect. */
export const INVALID_JSON = 'Invalid JSON received.';

const TOO_DEEP = 'a message is nested too deep';

/** JSON as the original writes it, one object a frame. */
export const encodeOriginal = (message: object | string): Buffer => Buffer.from(JSON.stringify(message));

/** Reads text of the original. @throws MusterError `BAD_MESSAGE` (message {@link INVALID_JSON} when it does not parse). */
export const decodeOriginal = <S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  maxBytes: number = BOUNDS.controlBytes,
): z.infer<S> => {
  if (bytes.byteLength > maxBytes)
    throw new MusterError('MESSAGE_TOO_LARGE', `a message of ${bytes.byteLength} bytes is over ${maxBytes}`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!nestingWithin(text, BOUNDS.nesting)) throw new MusterError('BAD_MESSAGE', TOO_DEEP);
  return fitting(schema, parse(text));
};

/** Holds plain data against a schema. @throws MusterError `BAD_MESSAGE` with the first fault. */
export const fitting = <S extends z.ZodType>(schema: S, plain: unknown): z.infer<S> => {
  const checked = schema.safeParse(plain);
  if (checked.success) return checked.data;
  const [first] = checked.error.issues;
  throw new MusterError('BAD_MESSAGE', `${first?.path.join('.') || 'message'}: ${first?.message ?? 'does not fit'}`);
};

/** Where a `__proto__` could stand: plain, or with one of its letters escaped. */
const NAMES_PROTOTYPE = /__proto__|\\u00(?:5f|6f|7[024])/i;
/** Two searches for plain text first: the expression takes as long as a tenth of the parsing. */
const mayNamePrototype = (text: string): boolean =>
  (text.includes('__proto__') || text.includes('\\u00')) && NAMES_PROTOTYPE.test(text);
const withoutPrototype = (name: string, value: unknown): unknown => (name === '__proto__' ? undefined : value);

/** JSON without a `__proto__` in it. @throws SyntaxError */
export const parseGuarded = (text: string): unknown =>
  mayNamePrototype(text) ? JSON.parse(text, withoutPrototype) : JSON.parse(text);

/**
 * Parses again what has a `__proto__` in it, now without. How deep it is nested is looked at first: what leaves its trace
 * in the parser's stack here is not seen in what comes out. @throws when it does not parse, or is nested too deep
 */
export const parseWithoutPrototype = (text: string): unknown => {
  if (!nestingWithin(text, BOUNDS.nesting)) throw new MusterError('BAD_MESSAGE', TOO_DEEP);
  return JSON.parse(text, withoutPrototype);
};

const parse = (text: string): unknown => {
  try {
    return parseGuarded(text);
  } catch (cause) {
    throw new MusterError('BAD_MESSAGE', INVALID_JSON, { cause });
  }
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside of strings: enough to refuse what would cost the parser its stack. */
const nestingWithin = (text: string, max: number): boolean => {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfString(text, at + 1);
    } else if (char === 0x5b || char === 0x7b) {
      depth += 1;
      if (depth > max) return false;
    } else if (char === 0x5d || char === 0x7d) depth -= 1;
  }
  return true;
};

/** Where the string that begins here has its closing quote; the end of the text if it has none. */
const endOfString = (text: string, from: number): number => {
  for (let quote = text.indexOf('"', from); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (quote - escapes > from && text.charCodeAt(quote - escapes - 1) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote;
  }
  return text.length;
};

/** The first question of a native peer: text that an original broker answers too. */
export const nativePing = (versions: readonly [number, number]): Buffer =>
  encodeOriginal({ command: 'PING', native: versions });
