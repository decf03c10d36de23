import { deflateRawSync } from 'node:zlib';
import { crc32 } from '@muster/daemon';

/** A file to be packed. */
export interface PackedFile {
  /** Relative, with `/` between folders. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Permissions of user, group and others. */
  readonly mode: number;
}

const UTF8_NAMES = 0x0800;
const DEFLATED = 8;
const MADE_BY_UNIX = (3 << 8) | 20;
const REGULAR = 0o100000;
/** 1 January 1980: the same files give the same archive. */
const DATE = 0x0021;

/** Packs files into a zip archive (APPNOTE.TXT of PKWARE), compressed, with their permissions. */
export const zip = (files: readonly PackedFile[]): Buffer => {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const { path, bytes, mode } of files) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(bytes);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(UTF8_NAMES, 2);
    shared.writeUInt16LE(DEFLATED, 4);
    shared.writeUInt16LE(DATE, 8);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(name.length, 22);
    parts.push(signature(0x04034b50), shared, name, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((REGULAR | (mode & 0o777)) << 16) >>> 0, 6);
    tail.writeUInt32LE(at, 10);
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(MADE_BY_UNIX);
    list.push(signature(0x02014b50), madeBy, shared, tail, name);
    at += 4 + shared.length + name.length + packed.length;
  }
  const central = Buffer.concat(list);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, central, signature(0x06054b50), end]);
};

const signature = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
