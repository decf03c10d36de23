import { crc32 } from '@muster/daemon';

const HEAD_BYTES = 8;
/** A longer record is a sign that the length itself is damaged. */
const MAX_RECORD_BYTES = 256 * 1_024 * 1_024;

/** One record: length and CRC-32 of the body, little-endian, then the body. */
export const frameRecord = (body: Uint8Array): Buffer => {
  const record = Buffer.allocUnsafe(HEAD_BYTES + body.byteLength);
  record.writeUInt32LE(body.byteLength, 0);
  record.writeUInt32LE(crc32(body), 4);
  record.set(body, HEAD_BYTES);
  return record;
};

/** The bodies of all whole records, and where the first damaged or cut one begins (the length of the bytes if none is). */
export const readRecords = (bytes: Buffer): { readonly bodies: readonly Buffer[]; readonly end: number } => {
  const bodies: Buffer[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= bytes.byteLength) {
    const length = bytes.readUInt32LE(at);
    const next = at + HEAD_BYTES + length;
    if (length > MAX_RECORD_BYTES || next > bytes.byteLength) break;
    const body = bytes.subarray(at + HEAD_BYTES, next);
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) break;
    bodies.push(body);
    at = next;
  }
  return { bodies, end: at };
};
