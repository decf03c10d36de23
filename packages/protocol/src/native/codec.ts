import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';
import { depthWithin } from './depth.js';

/** One for the process; options that other languages' libraries read without extensions. */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  encodeUndefinedAsNil: true,
  copyBuffers: true,
});

/** A native payload is a MessagePack map; text of the original never begins so. */
export const isNative = (bytes: Uint8Array): boolean => {
  const first = bytes[0];
  return first !== undefined && ((first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf);
};

/** A message as bytes. Properties that are undefined are left out, so optional fields stay optional on the other side. */
export const encodeNative = (message: object): Buffer => packr.pack(withoutUndefined(message)) as Buffer;

const withoutUndefined = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) if (each !== undefined) out[name] = withoutUndefined(each);
  return out;
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
