/** The table of CRC-32 with the polynomial 0xEDB88320 (ISO 3309). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32 of bytes. */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

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
