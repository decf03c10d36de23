import { type BatchHeader, runOfStream, type StreamId } from '@muster/protocol';

interface Held {
  readonly header: BatchHeader;
  readonly payload: Uint8Array;
}

/** Batches that came ahead of a gap, bounded in bytes: what finds no room is asked for again when its turn comes. */
export class HeldBatches {
  readonly #maxBytes: number;
  readonly #held = new Map<string, Map<number, Held>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  put(header: BatchHeader, payload: Uint8Array): void {
    const ofStream = this.#held.get(header.stream) ?? new Map<number, Held>();
    if (ofStream.has(header.number) || this.#bytes + payload.byteLength > this.#maxBytes) return;
    this.#held.set(header.stream, ofStream);
    ofStream.set(header.number, { header, payload: Uint8Array.from(payload) });
    this.#bytes += payload.byteLength;
  }

  take(stream: string, number: number): Held | undefined {
    const ofStream = this.#held.get(stream);
    const held = ofStream?.get(number);
    if (ofStream === undefined || held === undefined) return undefined;
    ofStream.delete(number);
    if (ofStream.size === 0) this.#held.delete(stream);
    this.#bytes -= held.payload.byteLength;
    return held;
  }

  /** Nothing of a run is wanted any more. */
  forget(run: string): void {
    for (const [stream, ofStream] of this.#held) {
      if (runOfStream(stream as StreamId) !== run) continue;
      for (const { payload } of ofStream.values()) this.#bytes -= payload.byteLength;
      this.#held.delete(stream);
    }
  }
}
