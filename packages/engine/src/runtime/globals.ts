import type { Frame } from '../load/virtual-user.js';

/** What is seen as `__ENV`, `__VU`, `__ITER` and `Math.random`: by whom it is asked. */
export const installGlobals = (here: () => Frame | undefined, env: Readonly<Record<string, string>>): void => {
  const define = (name: string, get: () => unknown): void => {
    Object.defineProperty(globalThis, name, { get, configurable: true });
  };
  define('__ENV', () => here()?.user.scenario.settings.env ?? env);
  define('__VU', () => here()?.user.id ?? 0);
  define('__ITER', () => Math.max(0, here()?.user.iteration ?? 0));
  const unseeded = Math.random;
  Math.random = () => {
    const frame = here();
    return frame === undefined ? unseeded() : frame.user.random();
  };
};
