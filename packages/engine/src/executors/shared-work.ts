import { Wait } from '../load/waits.js';
import type { ScenarioHost } from './scenario-host.js';

/** The wire's block: at most so many, or about a second's use where that is more. */
const BLOCK = 100;
/** A first block is at most this part of all, so that something is left for others. */
const FIRST_PART = 1 / 16;
/** Others may still give something back: asks again after so long. */
const ASK_AGAIN_MS = 100;

/** This worker's part of iterations that the whole cluster shares: claimed in blocks ahead of need, confirmed when done. */
export class SharedWork {
  readonly #total: number;
  readonly #host: ScenarioHost;
  readonly #wait = new Wait();
  #blocks: { from: number; count: number }[] = [];
  #left = 0;
  #confirmed = 0;
  #asking: Promise<void> | null = null;
  #over = false;
  #begunMs = 0;

  constructor(total: number, host: ScenarioHost) {
    this.#total = total;
    this.#host = host;
  }

  /** Claimed and not begun. */
  get left(): number {
    return this.#left;
  }
  /** One of what was claimed is done for good. */
  confirm(): void {
    this.#confirmed += 1;
  }
  /** Takes and asks for nothing more. */
  stop(): void {
    this.#over = true;
    this.#wait.wake();
  }

  /** The next index; or the end; or a wait after which to ask again. */
  take(nowMs: number): number | 'end' | Promise<void> {
    const [block] = this.#blocks;
    if (block === undefined) return this.#over ? 'end' : this.#ask(nowMs);
    if (this.#begunMs === 0) this.#begunMs = nowMs;
    const index = block.from;
    block.from += 1;
    block.count -= 1;
    this.#left -= 1;
    if (block.count === 0) this.#blocks.shift();
    if (this.#left < this.#blockSize(nowMs) / 2 && !this.#over) void this.#ask(nowMs);
    return index;
  }

  #blockSize(nowMs: number): number {
    const seconds = this.#begunMs === 0 ? 0 : (nowMs - this.#begunMs) / 1_000;
    const perSecond = seconds > 0.5 ? Math.ceil(this.#confirmed / seconds) : 0;
    const fair = Math.max(1, Math.ceil(this.#total * FIRST_PART));
    return Math.min(fair, Math.max(BLOCK, perSecond));
  }

  #ask(nowMs: number): Promise<void> {
    this.#asking ??= this.#claim(this.#blockSize(nowMs)).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #claim(count: number): Promise<void> {
    // A question that fails is asked again: nothing was given, so nothing can be lost by it.
    const given = await this.#host.claim(count, this.#confirmed).catch(() => null);
    if (given !== null && given.count > 0) {
      this.#blocks.push({ from: given.from, count: given.count });
      this.#left += given.count;
    } else if (given?.exhausted === true) this.#over = true;
    else if (!this.#over) await this.#wait.for(ASK_AGAIN_MS);
  }
}
