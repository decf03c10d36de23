import { deflateRawSync } from 'node:zlib';
import { crc32 } from '@muster/daemon';

export interface Packed {
  readonly name: string;
  readonly text?: string;
  /** All of `st_mode`, type and permissions. @default 0o100644 */
  readonly mode?: number;
  readonly stored?: boolean;
  /** In place of the right one. */
  readonly sum?: number;
  /** Size after unpacking, in place of the right one. */
  readonly size?: number;
}

/** A zip archive as `zip` on Unix writes it, faults included. */
export const makeZip = (files: readonly Packed[]): Buffer => {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, text = '', mode = 0o100644, stored = false, sum, size } of files) {
    const data = Buffer.from(text);
    const packed = stored ? data : deflateRawSync(data);
    const fields = Buffer.alloc(20);
    fields.writeUInt16LE(stored ? 0 : 8, 2);
    fields.writeUInt32LE(sum ?? crc32(data), 8);
    fields.writeUInt32LE(packed.byteLength, 12);
    fields.writeUInt32LE(size ?? data.byteLength, 16);
    const nameBytes = Buffer.from(name);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04\x14\x00', 'latin1'),
      fields,
      Buffer.alloc(4),
      nameBytes,
      packed,
    ]);
    local.writeUInt16LE(nameBytes.byteLength, 26);
    const tail = Buffer.alloc(18);
    tail.writeUInt16LE(nameBytes.byteLength, 0);
    tail.writeUInt32LE((mode << 16) >>> 0, 10);
    tail.writeUInt32LE(offset, 14);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03\x14\x00', 'latin1'), fields, tail, nameBytes]));
    locals.push(local);
    offset += local.byteLength;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
};
