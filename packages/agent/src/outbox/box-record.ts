import { crc32 } from '@muster/daemon';
import { BatchHeader, decodeNative, encodeNative } from '@muster/protocol';

/**
 * A box file is a head and then records, appended and never changed.
 *
 * - head, 16 bytes: `MUSTBOX1`, the number of the first record (u32), CRC-32 of these twelve bytes
 * - record: length of its body (u32), CRC-32 of its body, body
 * - body: length of the batch's header (u32), header, payload; both as they go on the wire
 *
 * All numbers are little-endian.
 */
export const HEAD_BYTES = 16;
export const RECORD_HEAD_BYTES = 8;
const MAGIC = Buffer.from('MUSTBOX1', 'latin1');
/** A record that claims to be larger is damage. */
export const MAX_BODY_BYTES = 64 * 1_024 * 1_024;

/** The head of a file whose first record has this number. */
export const boxHead = (first: number): Buffer => {
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(first, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12);
  return head;
};

/** The number of the first record; null when the bytes are no whole head. */
export const readBoxHead = (head: Buffer): number | null => {
  if (head.byteLength < HEAD_BYTES || !head.subarray(0, 8).equals(MAGIC)) return null;
  return crc32(head.subarray(0, 12)) === head.readUInt32LE(12) ? head.readUInt32LE(8) : null;
};

/** A batch as it goes on the wire. */
export interface WireBatch {
  readonly header: Buffer;
  readonly payload: Buffer;
}

/** A batch as a record. */
export const boxRecord = (header: BatchHeader, payload: Uint8Array): Buffer => {
  const wire = encodeNative(header);
  const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + 4 + wire.byteLength + payload.byteLength);
  record.writeUInt32LE(record.byteLength - RECORD_HEAD_BYTES, 0);
  record.writeUInt32LE(wire.byteLength, RECORD_HEAD_BYTES);
  record.set(wire, RECORD_HEAD_BYTES + 4);
  record.set(payload, RECORD_HEAD_BYTES + 4 + wire.byteLength);
  record.writeUInt32LE(crc32(record.subarray(RECORD_HEAD_BYTES)), 4);
  return record;
};

/** Length of the body and its checksum, from the first bytes of a record; null when they can't be. */
export const readRecordHead = (head: Buffer): { readonly bodyBytes: number; readonly crc: number } | null => {
  if (head.byteLength < RECORD_HEAD_BYTES) return null;
  const bodyBytes = head.readUInt32LE(0);
  return bodyBytes < 4 || bodyBytes > MAX_BODY_BYTES ? null : { bodyBytes, crc: head.readUInt32LE(4) };
};

/** The batch in a body; null when the checksum does not fit. */
export const readBody = (body: Buffer, crc: number): WireBatch | null => {
  if (crc32(body) !== crc) return null;
  const headerEnd = 4 + body.readUInt32LE(0);
  return headerEnd > body.byteLength
    ? null
    : { header: body.subarray(4, headerEnd), payload: body.subarray(headerEnd) };
};

/** The batch in a whole record that was made here. */
export const batchOf = (record: Buffer): WireBatch => {
  const headerEnd = RECORD_HEAD_BYTES + 4 + record.readUInt32LE(RECORD_HEAD_BYTES);
  return { header: record.subarray(RECORD_HEAD_BYTES + 4, headerEnd), payload: record.subarray(headerEnd) };
};

export const headerOf = (batch: WireBatch): BatchHeader => decodeNative(BatchHeader, batch.header);
