import { SCRIPT_EXPORTS } from '@muster/script/internal';
import type { Plugin } from 'esbuild';

const SHIM_SOURCE = [
  "const runtime = globalThis[Symbol.for('@muster/script')];",
  "if (runtime === undefined) throw new Error('this bundle runs on a Muster agent: start it with `muster run`');",
  // What the test does not use is dropped: an agent looks at the bundle's words to see what it may do.
  ...SCRIPT_EXPORTS.map((name) => `export const ${name} = /* @__PURE__ */ (() => runtime.${name})();`),
  'export default runtime.http;',
].join('\n');

/**
 * Answers every import of `@muster/script` with the running agent's own: the module is never looked for on disk, so a
 * test works in any folder, and never shipped, so the agent's version is the one that counts (its bundle's head names
 * the version it was made for).
 */
export const scriptShim = (): Plugin => ({
  name: 'muster-script',
  setup(build) {
    build.onResolve({ filter: /^@muster\/script$/ }, () => ({
      path: '@muster/script',
      namespace: 'muster-script',
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'muster-script' }, () => ({ contents: SHIM_SOURCE, loader: 'js' }));
    build.onResolve({ filter: /^k6(\/|$)/ }, (args) => ({
      errors: [
        { text: `"${args.path}" is k6's own module: import { http, check, sleep } from '@muster/script' in its place` },
      ],
    }));
  },
});
