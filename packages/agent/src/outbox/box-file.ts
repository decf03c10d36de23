import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import type { BatchHeader } from '@muster/protocol';
import {
  boxHead,
  HEAD_BYTES,
  headerOf,
  RECORD_HEAD_BYTES,
  readBody,
  readBoxHead,
  readRecordHead,
  type WireBatch,
} from './box-record.js';

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

const COPY_BYTES = 1_024 * 1_024;
/** Room below this is not worth copying the rest for. */
const COMPACT_BYTES = 8 * 1_024 * 1_024;

/**
 * The file of one stream. Not safe against two calls at one time: its owner makes them one after the other. Writes go to
 * a known place, so what a failed one left half done is written over by the next, and cut off by the next opening.
 */
export class BoxFile {
  readonly #path: string;
  #file: FileHandle;
  /** Number of the first record in `#places`. */
  #first: number;
  #places: Place[];
  #end: number;
  /** Bytes before the first record that is still wanted. */
  #deadBytes = 0;

  private constructor(path: string, file: FileHandle, first: number, places: Place[], end: number) {
    this.#path = path;
    this.#file = file;
    this.#first = first;
    this.#places = places;
    this.#end = end;
  }

  /** Makes the file of a new stream. @throws what the file system throws. */
  static async create(path: string): Promise<BoxFile> {
    const file = await open(path, 'w+');
    try {
      await file.write(boxHead(0), 0, HEAD_BYTES, 0);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return new BoxFile(path, file, 0, [], HEAD_BYTES);
  }

  /**
   * Opens a file that an earlier process left. What a crash cut off or damaged is cut away, from there to the end.
   *
   * @param onBatch is given every batch that is there, in order
   * @returns null when not even the head is whole: then nothing of it was ever sent, and the file is of no use.
   */
  static async recover(
    path: string,
    onBatch: (header: BatchHeader, payload: Buffer) => void = () => undefined,
  ): Promise<BoxFile | null> {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    const head = Buffer.alloc(HEAD_BYTES);
    await file.read(head, 0, HEAD_BYTES, 0);
    const first = readBoxHead(head);
    if (first === null) {
      await file.close();
      return null;
    }
    const box = new BoxFile(path, file, first, [], HEAD_BYTES);
    while (box.#end < size) {
      const found = await box.#readAt(box.#end);
      const header = found === null ? null : wholeHeader(found.batch);
      if (found === null || header === null || header.number !== box.next) break;
      onBatch(header, found.batch.payload);
      box.#places.push({ offset: box.#end, bytes: found.bytes });
      box.#end += found.bytes;
    }
    if (box.#end < size) await file.truncate(box.#end);
    return box;
  }

  /** Number of the first record that is there; the next to be written when there is none. */
  get first(): number {
    return this.#first;
  }
  get next(): number {
    return this.#first + this.#places.length;
  }
  get bytes(): number {
    return this.#end;
  }
  /** Sizes of the records from `first` on. */
  get sizes(): readonly number[] {
    return this.#places.map((place) => place.bytes);
  }

  async #readAt(offset: number): Promise<{ readonly batch: WireBatch; readonly bytes: number } | null> {
    const head = Buffer.alloc(RECORD_HEAD_BYTES);
    const { bytesRead } = await this.#file.read(head, 0, RECORD_HEAD_BYTES, offset);
    const found = bytesRead === RECORD_HEAD_BYTES ? readRecordHead(head) : null;
    if (found === null) return null;
    const body = Buffer.alloc(found.bodyBytes);
    const read = await this.#file.read(body, 0, found.bodyBytes, offset + RECORD_HEAD_BYTES);
    const batch = read.bytesRead === found.bodyBytes ? readBody(body, found.crc) : null;
    return batch === null ? null : { batch, bytes: RECORD_HEAD_BYTES + found.bodyBytes };
  }

  /** Writes records behind the last one. @throws what the file system throws; then none of them counts as written. */
  async append(records: readonly Buffer[]): Promise<void> {
    let at = this.#end;
    const places: Place[] = [];
    for (const record of records) {
      for (let done = 0; done < record.byteLength; ) {
        const { bytesWritten } = await this.#file.write(record, done, record.byteLength - done, at + done);
        done += bytesWritten;
      }
      places.push({ offset: at, bytes: record.byteLength });
      at += record.byteLength;
    }
    this.#places.push(...places);
    this.#end = at;
  }

  /** Reads a record back; null when it is not there or damaged. */
  async read(number: number): Promise<WireBatch | null> {
    const place = this.#places[number - this.#first];
    if (place === undefined) return null;
    const found = await this.#readAt(place.offset);
    return found?.batch ?? null;
  }

  /** Forgets records up to a number. The room that they took is given back once it is worth the copying. */
  async forget(upTo: number): Promise<void> {
    const gone = this.#places.splice(0, Math.max(0, upTo + 1 - this.#first));
    this.#first += gone.length;
    this.#deadBytes += gone.reduce((sum, place) => sum + place.bytes, 0);
    const live = this.#end - HEAD_BYTES - this.#deadBytes;
    if (this.#deadBytes >= COMPACT_BYTES && this.#deadBytes >= live) await this.#compact();
  }

  /** Copies what is still wanted into a new file, which then takes the old one's name: at every moment one is whole. */
  async #compact(): Promise<void> {
    const from = this.#places[0]?.offset ?? this.#end;
    const beside = `${this.#path}.new`;
    const target = await open(beside, 'w+');
    try {
      await target.write(boxHead(this.#first), 0, HEAD_BYTES, 0);
      const buffer = Buffer.alloc(COPY_BYTES);
      for (let at = from; at < this.#end; ) {
        const { bytesRead } = await this.#file.read(buffer, 0, Math.min(COPY_BYTES, this.#end - at), at);
        if (bytesRead === 0) throw new Error(`${this.#path} ends before its records do`);
        await target.write(buffer, 0, bytesRead, at - from + HEAD_BYTES);
        at += bytesRead;
      }
      await rename(beside, this.#path);
    } catch (thrown) {
      await target.close();
      await unlink(beside).catch(() => undefined);
      throw thrown;
    }
    await this.#file.close();
    this.#file = target;
    const shift = from - HEAD_BYTES;
    this.#places = this.#places.map((place) => ({ ...place, offset: place.offset - shift }));
    this.#end -= shift;
    this.#deadBytes = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Closes and removes: everything in it is committed elsewhere. */
  async remove(): Promise<void> {
    await this.#file.close();
    await unlink(this.#path);
  }
}

/** A checksum that fits by chance must not bring a foreign record in. */
const wholeHeader = (batch: WireBatch): BatchHeader | null => {
  try {
    return headerOf(batch);
  } catch {
    return null;
  }
};
