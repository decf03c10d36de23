import { deflateRawSync } from 'node:zlib';

export interface Packed {
  readonly name: string;
  readonly text?: string;
  /** Permissions, and the type if it is no plain file. @default 0o755 */
  readonly mode?: number;
}

/** A zip as Python's `zipfile` writes it, in base64 like `filedata`. */
export const filedata = (...files: readonly Packed[]): string => {
  const locals: Buffer[] = [];
  const list: Buffer[] = [];
  let offset = 0;
  for (const { name, text = '', mode = 0o755 } of files) {
    const data = Buffer.from(text);
    const packed = deflateRawSync(data);
    const title = Buffer.from(name);
    // Version, flags, method, time, date, checksum, both sizes, length of the name, length of what is extra.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(checksum(data), 10);
    common.writeUInt32LE(packed.byteLength, 14);
    common.writeUInt32LE(data.byteLength, 18);
    common.writeUInt16LE(title.byteLength, 22);
    // Length of the comment, disk, internal and external attributes, where it is.
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((mode > 0o7777 ? mode : mode | 0o100000) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, title, packed]);
    list.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, rest, title]));
    locals.push(local);
    offset += local.byteLength;
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]).toString('base64');
};

/** CRC-32 as zip has it, bit by bit: these files are small. */
const checksum = (data: Buffer): number => {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
};
