import {
  type AgentId,
  type BatchHeader,
  BatchHeader as BatchHeaderSchema,
  decodeNative,
  encodeNative,
  type RunId,
  runOfStream,
  type StreamId,
} from '@muster/protocol';
import { BoxFile, type BoxRecord, type RecordPlace } from './box-file.js';

/** A batch that waits for its acknowledgement. */
interface Entry {
  readonly number: number;
  readonly bytes: number;
  /** Null: the disk was full when it came, so it is only here. */
  readonly place: RecordPlace | null;
  /** Null: read back from the file when it is sent. */
  record: BoxRecord | null;
}

export type BatchKind = BatchHeader['kind'];

/** One stream: batches numbered without gaps as they go into its file, forgotten when they are acknowledged. */
export class StreamBox {
  readonly stream: StreamId;
  readonly run: RunId;
  readonly agent: AgentId;
  readonly #file: BoxFile;
  readonly #entries: Entry[] = [];
  #next = 0;
  #closed = false;
  #toSend = 0;
  #inFlight = 0;
  #memory = 0;
  /** Sealed so far, by worker: from where on a gap begins when the agent dies. */
  readonly sealedToMs = new Map<number, number>();

  constructor(path: string, stream: StreamId, agent: AgentId, onWindow?: (worker: number, payload: Buffer) => void) {
    this.stream = stream;
    this.run = runOfStream(stream);
    this.agent = agent;
    this.#file = BoxFile.open(path, (record, place) => {
      const header = decodeNative(BatchHeaderSchema, record.header);
      this.#entries.push({ number: header.number, bytes: record.payload.length, place, record: null });
      this.#next = header.number + 1;
      this.#closed ||= header.last;
      this.agentOfFile = header.agent;
      if (header.kind === 'window') onWindow?.(header.worker, record.payload);
    });
    this.#toSend = this.#entries[0]?.number ?? 0;
  }

  /** The agent that wrote the file, where it is one of an earlier boot. */
  agentOfFile: AgentId | null = null;

  /** The highest number given; -1 before the first. */
  get last(): number {
    return this.#next - 1;
  }
  get closed(): boolean {
    return this.#closed;
  }
  /** Everything is acknowledged and nothing more will come. */
  get done(): boolean {
    return this.#closed && this.#entries.length === 0;
  }
  get waiting(): number {
    return this.#entries.length;
  }
  get memoryBytes(): number {
    return this.#memory;
  }
  get fileBytes(): number {
    return this.#file.bytes;
  }
  get inFlightBytes(): number {
    return this.#inFlight;
  }

  /** Adds a batch; the answer is what the file system said if it could not be written (it is then kept in memory). */
  append(kind: BatchKind, worker: number, payload: Uint8Array, last: boolean): Error | null {
    const header: BatchHeader = {
      stream: this.stream,
      number: this.#next,
      kind,
      run: this.run,
      agent: this.agentOfFile ?? this.agent,
      worker,
      last,
    };
    const record = { header: encodeNative(header), payload: Buffer.from(payload) };
    let place: RecordPlace | null = null;
    let failure: Error | null = null;
    try {
      place = this.#file.append(record.header, record.payload);
    } catch (thrown) {
      failure = thrown as Error;
    }
    this.#entries.push({ number: this.#next, bytes: payload.byteLength, place, record });
    this.#memory += payload.byteLength;
    this.#next += 1;
    this.#closed = last;
    return failure;
  }

  /** Gives what may be sent now, within the bound of bytes in flight. */
  *take(maxInFlight: number): Generator<BoxRecord> {
    const first = this.#entries[0]?.number ?? this.#next;
    for (let at = this.#toSend - first; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at];
      if (entry === undefined || (this.#inFlight > 0 && this.#inFlight + entry.bytes > maxInFlight)) return;
      const record = entry.record ?? (entry.place === null ? null : this.#file.read(entry.place));
      this.#toSend = entry.number + 1;
      this.#inFlight += entry.bytes;
      if (record !== null) yield record;
    }
  }

  /** Forgets everything up to and with this number. */
  ack(upTo: number): boolean {
    let progress = false;
    while (this.#entries[0] !== undefined && this.#entries[0].number <= upTo) {
      const entry = this.#entries.shift() as Entry;
      if (entry.number < this.#toSend) this.#inFlight -= entry.bytes;
      if (entry.record !== null) this.#memory -= entry.bytes;
      progress = true;
    }
    this.#toSend = Math.max(this.#toSend, this.#entries[0]?.number ?? this.#next);
    return progress;
  }

  /** Sends again from this number on. */
  rewind(from: number): void {
    const first = this.#entries[0]?.number ?? this.#next;
    this.#toSend = Math.min(this.#toSend, Math.max(from, first));
    this.#inFlight = this.#entries.reduce((sum, entry) => (entry.number < this.#toSend ? sum + entry.bytes : sum), 0);
  }
  rewindAll(): void {
    this.rewind(0);
  }

  /** Lets go of copies that are in the file, oldest first, until so much memory is free. */
  forgetCopies(bytes: number): void {
    let left = bytes;
    for (const entry of this.#entries) {
      if (left <= 0) return;
      if (entry.record === null || entry.place === null) continue;
      entry.record = null;
      this.#memory -= entry.bytes;
      left -= entry.bytes;
    }
  }

  remove(): void {
    this.#file.remove();
  }
  close(): void {
    this.#file.close();
  }
}
