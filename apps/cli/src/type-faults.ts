import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type TypeScript from 'typescript';

/** What the compiler said; `checked` is false where there is no compiler. */
export interface TypeReport {
  readonly checked: boolean;
  /** `file:line:column: text`, one each. */
  readonly faults: readonly string[];
}

/** The compiler that the author's project has, if it has one. */
const findCompiler = (file: string): typeof TypeScript | null => {
  for (const from of [file, import.meta.url]) {
    try {
      const found = createRequire(from)('typescript') as typeof TypeScript;
      if (typeof found.createProgram === 'function') return found;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw thrown;
    }
  }
  return null;
};

/** Checks a test's types as strictly as a new project would, with our own types for `@muster/script`. */
export const typeFaults = (file: string): TypeReport => {
  const ts = findCompiler(file);
  if (ts === null || !/\.[cm]?ts$/.test(file)) return { checked: ts !== null, faults: [] };
  const script = createRequire(import.meta.url).resolve('@muster/script/package.json');
  const program = ts.createProgram([file, join(dirname(script), 'files.d.ts')], {
    resolveJsonModule: true,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    paths: { '@muster/script': [`${dirname(script)}/dist/index.d.ts`] },
  });
  const here = dirname(fileURLToPath(new URL(`file://${file}`)));
  const faults = ts.getPreEmitDiagnostics(program).map((each) => {
    const text = ts.flattenDiagnosticMessageText(each.messageText, '\n');
    if (each.file === undefined || each.start === undefined) return text;
    const at = each.file.getLineAndCharacterOfPosition(each.start);
    return `${relative(here, each.file.fileName)}:${at.line + 1}:${at.character + 1}: ${text}`;
  });
  return { checked: true, faults };
};
