import { BOUNDS, type BundleHash } from '@muster/protocol';
import { z } from 'zod';
import type { Answer, Questions } from './questions.js';
import type { Turn } from './turn.js';

/** The broker's answer to `bundle.get`. */
const Piece = z.object({ size: z.int().nonnegative(), data: z.instanceof(Uint8Array) });
/** Pieces asked for at one time: the broker's answers come while the next are on their way. */
const AHEAD = 4;

export interface BundleFetchPort {
  done(turn: Turn, chunks: readonly Uint8Array[]): void;
  failed(turn: Turn, code: string, message: string): void;
}

/** Fetches a bundle from the broker piece by piece. */
export class BundleFetch {
  readonly #bundle: { readonly hash: BundleHash; readonly size: number };
  readonly #questions: Questions;
  readonly #port: BundleFetchPort;
  readonly #chunks: (Uint8Array | undefined)[] = [];
  #asked = 0;
  #arrived = 0;
  #over = false;

  constructor(
    bundle: { readonly hash: BundleHash; readonly size: number },
    questions: Questions,
    port: BundleFetchPort,
  ) {
    this.#bundle = bundle;
    this.#questions = questions;
    this.#port = port;
  }

  start(turn: Turn): void {
    if (this.#bundle.size > BOUNDS.bundleBytes) {
      this.#fail(
        turn,
        'BUNDLE_TOO_LARGE',
        `the bundle has ${this.#bundle.size} bytes, more than ${BOUNDS.bundleBytes}`,
      );
      return;
    }
    for (let n = 0; n < AHEAD; n += 1) this.#askNext(turn);
  }

  get #count(): number {
    return Math.max(1, Math.ceil(this.#bundle.size / BOUNDS.bundleChunkBytes));
  }

  #askNext(turn: Turn): void {
    if (this.#asked >= this.#count) return;
    const piece = this.#asked;
    this.#asked += 1;
    const offset = piece * BOUNDS.bundleChunkBytes;
    this.#questions.ask(turn, { type: 'bundle.get', hash: this.#bundle.hash, offset }, (then, answer) =>
      this.#take(then, piece, answer),
    );
  }

  #take(turn: Turn, piece: number, answer: Answer): void {
    if (this.#over) return;
    if (!answer.ok) {
      this.#fail(turn, answer.code, answer.message);
      return;
    }
    const read = Piece.safeParse(answer.result);
    const size = Math.min(BOUNDS.bundleChunkBytes, this.#bundle.size - piece * BOUNDS.bundleChunkBytes);
    if (!read.success || read.data.data.byteLength !== size) {
      this.#fail(turn, 'BUNDLE_CORRUPT', `piece ${piece} of the bundle is not the ${size} bytes that were expected`);
      return;
    }
    this.#chunks[piece] = read.data.data;
    this.#arrived += 1;
    if (this.#arrived < this.#count) {
      this.#askNext(turn);
      return;
    }
    this.#over = true;
    this.#port.done(
      turn,
      this.#chunks.filter((chunk) => chunk !== undefined),
    );
  }

  #fail(turn: Turn, code: string, message: string): void {
    this.#over = true;
    this.#port.failed(turn, code, message);
  }
}
