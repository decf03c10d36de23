import type { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';

/** The answer to text that does not parse: word for word what programs of the original expect. */
export const INVALID_JSON = 'Invalid JSON received.';

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
  const plain = parse(bytes);
  const checked = schema.safeParse(plain);
  if (checked.success) return checked.data;
  const [first] = checked.error.issues;
  throw new MusterError('BAD_MESSAGE', `${first?.path.join('.') || 'message'}: ${first?.message ?? 'does not fit'}`);
};

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
      (name, value: unknown) => (name === '__proto__' ? undefined : value),
    );
  } catch (cause) {
    throw new MusterError('BAD_MESSAGE', INVALID_JSON, { cause });
  }
};

/** The first question of a native peer: text that an original broker answers too. */
export const nativePing = (versions: readonly [number, number]): Buffer =>
  encodeOriginal({ command: 'PING', native: versions });
