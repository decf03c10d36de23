import { inflateRawSync } from 'node:zlib';
import { crc32 } from '@muster/daemon';
import { MusterError } from '@muster/protocol';

/** A file or folder of an archive. Its path is relative, and stays inside whatever folder it is put into. */
export interface ZipEntry {
  readonly path: string;
  readonly isFolder: boolean;
  /** Permissions of user, group and others; nothing above them, so no program is set to run as somebody else. */
  readonly mode: number;
  /** Unpacks and checks. @throws MusterError `BAD_MESSAGE`. */
  readonly read: () => Buffer;
}

export interface ZipBounds {
  readonly entries: number;
  /** All files together, unpacked. */
  readonly bytes: number;
}

/** What files of a run may be: beyond it the run is refused. */
export const ZIP_BOUNDS: ZipBounds = { entries: 10_000, bytes: 256 * 1_024 * 1_024 };

const END = { signature: 0x06054b50, bytes: 22, maxComment: 65_535 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 0x1;
const TYPE_BITS = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const MADE_BY_UNIX = 3;

const bad = (what: string): MusterError => new MusterError('BAD_MESSAGE', `the files that came along: ${what}`);

/**
 * Lists an archive (APPNOTE.TXT of PKWARE, without encryption, parts and Zip64). Slashes in front of a path are taken
 * off, as the original does.
 *
 * @throws MusterError `BAD_MESSAGE` for what is no archive, is too large, leaves its folder, is a link or a device.
 */
export const readZip = (bytes: Buffer, bounds: ZipBounds = ZIP_BOUNDS): readonly ZipEntry[] => {
  const end = findEnd(bytes);
  const count = bytes.readUInt16LE(end + 10);
  if (count > bounds.entries) throw bad(`${count} of them, more than ${bounds.entries}`);
  let at = bytes.readUInt32LE(end + 16);
  let total = 0;
  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    if (at + CENTRAL.bytes > end || bytes.readUInt32LE(at) !== CENTRAL.signature) throw bad('the list is broken');
    const size = bytes.readUInt32LE(at + 24);
    const nameBytes = bytes.readUInt16LE(at + 28);
    total += size;
    if (total > bounds.bytes) throw bad(`unpacked they have more than ${bounds.bytes} bytes`);
    const name = bytes.toString('utf8', at + CENTRAL.bytes, at + CENTRAL.bytes + nameBytes);
    entries.push(entryAt(bytes, at, name));
    at += CENTRAL.bytes + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
};

const findEnd = (bytes: Buffer): number => {
  const from = bytes.byteLength - END.bytes;
  for (let at = from; at >= Math.max(0, from - END.maxComment); at -= 1)
    if (bytes.readUInt32LE(at) === END.signature) return at;
  throw bad('they are no zip archive');
};

const entryAt = (bytes: Buffer, at: number, name: string): ZipEntry => {
  const byUnix = bytes.readUInt8(at + 5) === MADE_BY_UNIX;
  const attributes = bytes.readUInt32LE(at + 38) >>> 16;
  const type = byUnix ? attributes & TYPE_BITS : 0;
  const isFolder = name.endsWith('/') || type === FOLDER;
  const path = safePath(name);
  if (type !== 0 && type !== REGULAR && type !== FOLDER) throw bad(`"${name}" is a link or a device`);
  if ((bytes.readUInt16LE(at + 8) & ENCRYPTED) !== 0) throw bad(`"${name}" is encrypted`);
  const given = byUnix ? attributes & 0o777 : 0;
  return {
    path,
    isFolder,
    mode: isFolder ? 0o755 : given === 0 ? 0o644 : given | 0o600,
    read: () => dataOf(bytes, at, name),
  };
};

const safePath = (name: string): string => {
  const path = name.replace(/^\/+/, '').replace(/\/+$/, '');
  const parts = path.split(/[/\\]/);
  if (name.includes('\0') || parts.includes('..')) throw bad(`"${name}" leaves the folder of the run`);
  const plain = path.split('/').filter((part) => part !== '' && part !== '.');
  if (plain.length === 0) throw bad(`"${name}" is no name of a file`);
  return plain.join('/');
};

const dataOf = (bytes: Buffer, at: number, name: string): Buffer => {
  const method = bytes.readUInt16LE(at + 10);
  const sum = bytes.readUInt32LE(at + 16);
  const packed = bytes.readUInt32LE(at + 20);
  const size = bytes.readUInt32LE(at + 24);
  const local = bytes.readUInt32LE(at + 42);
  if (local + LOCAL.bytes > bytes.byteLength || bytes.readUInt32LE(local) !== LOCAL.signature)
    throw bad(`"${name}" is not where the list says`);
  const from = local + LOCAL.bytes + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const raw = bytes.subarray(from, from + packed);
  if (raw.byteLength !== packed) throw bad(`"${name}" is cut off`);
  const data = unpacked(raw, method, size, name);
  if (data.byteLength !== size || crc32(data) !== sum) throw bad(`"${name}" does not fit its checksum`);
  return data;
};

const unpacked = (raw: Buffer, method: number, size: number, name: string): Buffer => {
  if (method === STORED) return raw;
  if (method !== DEFLATED) throw bad(`"${name}" is packed in a way that is not known here`);
  try {
    // One byte more than promised is enough to see that it is too much.
    return inflateRawSync(raw, { maxOutputLength: size + 1 });
  } catch (thrown) {
    throw bad(`"${name}" can't be unpacked: ${(thrown as Error).message}`);
  }
};
