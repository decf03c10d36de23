import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';
import { depthWithin } from './depth.js';

/**
 * Other languages' libraries read this without extensions. Undefined properties are left out, so an optional field stays
 * optional; what is decoded owns its bytes and does not hold the frame in memory.
 */
const INTEROPERABLE = {
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  encodeUndefinedAsNil: true,
  skipValues: [undefined],
  copyBuffers: true,
} as const;
const packr = new Packr(INTEROPERABLE);

/** A native payload is a MessagePack map; text of the original never begins so. */
export const isNative = (bytes: Uint8Array): boolean => {
  const first = bytes[0];
  return first !== undefined && ((first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf);
};

/**
 * A message as bytes. Properties that are undefined are left out; bytes are given as `Uint8Array` or `Buffer` and no other
 * typed array; functions become null.
 *
 * @throws MusterError `BAD_MESSAGE` for what can't be carried: a circle, nesting over the bound, integers over 64 bits.
 */
export const encodeNative = (message: object): Buffer => {
  const bytes = pack(message);
  if (!depthWithin(bytes, BOUNDS.nesting)) {
    throw new MusterError(
      'BAD_MESSAGE',
      `a ${typeName(message)} is nested deeper than ${BOUNDS.nesting}, or holds dates`,
    );
  }
  return bytes;
};

const pack = (message: object): Buffer => {
  try {
    return packr.pack(message) as Buffer;
  } catch (cause) {
    throw new MusterError('BAD_MESSAGE', `a ${typeName(message)} can't be written: ${(cause as Error).message}`, {
      cause,
    });
  }
};

/**
 * Reads a message: size and nesting are bounded before anything is unpacked, then the schema decides.
 *
 * @throws MusterError `MESSAGE_TOO_LARGE` or `BAD_MESSAGE` with the path of every fault; nothing else.
 */
export const decodeNative = <S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  maxBytes: number = BOUNDS.controlBytes,
): z.infer<S> => {
  const plain = unpackNative(bytes, maxBytes);
  const checked = schema.safeParse(plain);
  if (checked.success) return checked.data;
  const faults = checked.error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`);
  throw new MusterError('BAD_MESSAGE', `a ${typeName(plain)} does not fit: ${faults.join('; ')}`, {
    details: requestIdOf(plain),
  });
};

/** The payload as plain data, without a schema. @throws MusterError like {@link decodeNative}. */
export const unpackNative = (bytes: Uint8Array, maxBytes: number = BOUNDS.controlBytes): unknown => {
  if (bytes.byteLength > maxBytes)
    throw new MusterError('MESSAGE_TOO_LARGE', `a message of ${bytes.byteLength} bytes is over ${maxBytes}`);
  if (!depthWithin(bytes, BOUNDS.nesting))
    throw new MusterError('BAD_MESSAGE', 'a message is no MessagePack, or nested too deep');
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new MusterError('BAD_MESSAGE', 'a message is no MessagePack', { cause });
  }
};

const typeName = (plain: unknown): string => {
  const type = typeof plain === 'object' && plain !== null ? (plain as { type?: unknown }).type : undefined;
  return typeof type === 'string' ? `"${type.slice(0, 40)}" message` : 'message';
};

/** The id of a question that does not fit, so that it can be answered all the same. */
const requestIdOf = (plain: unknown): { id: string } | undefined => {
  const id = typeof plain === 'object' && plain !== null ? (plain as { id?: unknown }).id : undefined;
  return typeof id === 'string' && id.length <= 64 ? { id } : undefined;
};
