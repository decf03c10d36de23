import { AsyncLocalStorage } from 'node:async_hooks';
import { promiseHooks } from 'node:v8';
import type { Frame } from './virtual-user.js';

/** Whose code runs now: kept through whatever the code awaits. One for a process. */
export interface Frames {
  /** Undefined outside of any function of the test. */
  readonly current: Frame | undefined;
  /** Runs a function in a frame, and whatever it awaits. */
  run<T, A>(frame: Frame, fn: (argument: A) => T, argument: A): T;
  /** Code of ours that ran in a frame, has awaited and now calls the test again says so: not every kind follows it. */
  back(frame: Frame): void;
}

/** Follows every kind of asynchronous work, callbacks of timers, sockets and emitters among them. */
export class StoredFrames implements Frames {
  readonly #store = new AsyncLocalStorage<Frame>();

  get current(): Frame | undefined {
    return this.#store.getStore();
  }
  run<T, A>(frame: Frame, fn: (argument: A) => T, argument: A): T {
    return this.#store.run(frame, fn, argument);
  }
  back(): void {
    // It is followed.
  }
}

/**
 * For a bundle whose awaits bring their frame back by themselves, as `@muster/bundle` writes them where it can: nothing
 * is followed, and an `await` costs what it costs without us.
 */
export class KeptFrames implements Frames {
  current: Frame | undefined = undefined;

  run<T, A>(frame: Frame, fn: (argument: A) => T, argument: A): T {
    const outer = this.current;
    this.current = frame;
    try {
      return fn(argument);
    } finally {
      this.current = outer;
    }
  }
  back(frame: Frame): void {
    this.current = frame;
  }
}

const FRAME = Symbol('frame');
interface Followed {
  [FRAME]?: Frame | undefined;
}

/**
 * Follows promises only, which is all that most tests use, at a fraction of the cost: each promise remembers the frame in
 * which it was made, and what waits for it goes on there. Works from {@link begin} on, for good.
 */
export class PromiseFrames extends KeptFrames {
  begin(): this {
    promiseHooks.createHook({
      init: (promise: Promise<unknown> & Followed) => {
        if (this.current !== undefined) promise[FRAME] = this.current;
      },
      before: (promise: Promise<unknown> & Followed) => {
        this.current = promise[FRAME];
      },
    });
    return this;
  }
  override back(): void {
    // It is followed.
  }
}

/** What is called back without a promise, or leads to what is: modules of Node, and these globals. */
const CALLS_BACK = new RegExp(
  `\\b(?:${[
    'import|require|eval|Function|globalThis|global|process|module',
    'setTimeout|setInterval|setImmediate|queueMicrotask|addEventListener|EventTarget|AbortSignal|AbortController',
    'MessageChannel|MessagePort|BroadcastChannel|WebSocket|EventSource|Worker|PerformanceObserver|FinalizationRegistry',
    'ReadableStream|WritableStream|TransformStream|CompressionStream|DecompressionStream|Atomics|fetch|navigator',
  ].join('|')})\\b`,
);
/** What every bundle has: the lines before the author's code, the way to our runtime, the map of its source. */
const HEAD_LINES = 2;
const RUNTIME = /globalThis\[[^\]]*@muster\/script[^\]]*\]/g;
const SOURCE_MAP = '\n//# sourceMappingURL=';

/** Whether a bundle may call back without a promise. Says yes too often rather than once too seldom. */
export const mayCallBack = (bundle: string): boolean => {
  let from = 0;
  for (let line = 0; line < HEAD_LINES; line += 1) from = bundle.indexOf('\n', from) + 1;
  const map = bundle.lastIndexOf(SOURCE_MAP);
  return CALLS_BACK.test(bundle.slice(from, map < 0 ? undefined : map).replace(RUNTIME, ''));
};

const KEPT_KEY = Symbol.for('@muster/frames');

/** The frames for a bundle. To be called before it is imported: it looks for those that it keeps itself. */
export const framesFor = (bundle: string, keepsFrames: boolean): Frames => {
  if (mayCallBack(bundle)) return new StoredFrames();
  if (!keepsFrames) return new PromiseFrames().begin();
  const frames = new KeptFrames();
  Object.defineProperty(globalThis, KEPT_KEY, { value: frames, configurable: true });
  return frames;
};
