import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { crc32 } from './crc32.js';

const HEAD_BYTES = 12;
/** A record that claims to be larger is damage. */
const MAX_RECORD_BYTES = 64 * 1_024 * 1_024;

/** Where a record lies. */
export interface RecordPlace {
  readonly offset: number;
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

/** A record read back. */
export interface BoxRecord {
  readonly header: Buffer;
  readonly payload: Buffer;
}

/**
 * The file of one outbox: records of a header and a payload, each behind its two lengths and a checksum, appended and
 * never changed. What a crash left half written at the end is cut off when the file is opened again.
 */
export class BoxFile {
  readonly path: string;
  readonly #fd: number;
  #end = 0;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens or makes the file; the whole records that are in it are handed over in order. */
  static open(path: string, onRecord: (record: BoxRecord, place: RecordPlace) => void): BoxFile {
    const file = new BoxFile(path, openSync(path, 'a+'));
    const size = fstatSync(file.#fd).size;
    for (;;) {
      const place = file.#placeAt(file.#end, size);
      if (place === null) break;
      const record = file.read(place);
      if (record === null) break;
      onRecord(record, place);
      file.#end = place.offset + HEAD_BYTES + place.headerBytes + place.payloadBytes;
    }
    if (file.#end < size) ftruncateSync(file.#fd, file.#end);
    return file;
  }

  get bytes(): number {
    return this.#end;
  }

  #placeAt(offset: number, size: number): RecordPlace | null {
    if (offset + HEAD_BYTES > size) return null;
    const head = Buffer.alloc(HEAD_BYTES);
    readSync(this.#fd, head, 0, HEAD_BYTES, offset);
    const place = { offset, headerBytes: head.readUInt32LE(0), payloadBytes: head.readUInt32LE(4) };
    const length = place.headerBytes + place.payloadBytes;
    return length > MAX_RECORD_BYTES || offset + HEAD_BYTES + length > size ? null : place;
  }

  /** Reads a record; null when its checksum does not fit. */
  read(place: RecordPlace): BoxRecord | null {
    const whole = Buffer.alloc(HEAD_BYTES + place.headerBytes + place.payloadBytes);
    readSync(this.#fd, whole, 0, whole.length, place.offset);
    const body = whole.subarray(HEAD_BYTES);
    if (crc32(body) !== whole.readUInt32LE(8)) return null;
    return { header: body.subarray(0, place.headerBytes), payload: body.subarray(place.headerBytes) };
  }

  /** Appends a record. @throws what the file system throws; the file is then as before. */
  append(header: Uint8Array, payload: Uint8Array): RecordPlace {
    const whole = Buffer.concat([Buffer.alloc(HEAD_BYTES), header, payload]);
    whole.writeUInt32LE(header.byteLength, 0);
    whole.writeUInt32LE(payload.byteLength, 4);
    whole.writeUInt32LE(crc32(whole.subarray(HEAD_BYTES)), 8);
    let written = 0;
    try {
      while (written < whole.length) written += writeSync(this.#fd, whole, written);
    } catch (thrown) {
      ftruncateSync(this.#fd, this.#end);
      throw thrown;
    }
    const place = { offset: this.#end, headerBytes: header.byteLength, payloadBytes: payload.byteLength };
    this.#end += whole.length;
    return place;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Closes and removes: everything in it is committed elsewhere. */
  remove(): void {
    this.close();
    unlinkSync(this.path);
  }
}
