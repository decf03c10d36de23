import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type BundleHash, MusterError } from '@muster/protocol';
import { SCRIPT_VERSION } from '@muster/script/internal';
import { type BuildResult, build, type Message, type OutputFile } from 'esbuild';
import { BUNDLE_FORMAT, type BundleHead, headLine } from './bundle-head.js';
import { FRAMES_BANNER, keepFrames } from './kept-frames.js';
import { type NativeUse, nativeGuard, neededNatives } from './native-guard.js';
import { scriptShim } from './script-shim.js';

/** The wire's bound for a bundle. */
export const MAX_BUNDLE_BYTES = 64 * 1_024 * 1_024;

/** The artefact: the same bytes, and so the same hash, on every machine that holds the same files. */
export interface Bundle {
  readonly bytes: Uint8Array;
  readonly hash: BundleHash;
  /** The test's file name. */
  readonly name: string;
  /** What the file exports (`default`, `setup`, `options`, …). */
  readonly exports: readonly string[];
  /** What esbuild warned about, one line each. */
  readonly warnings: readonly string[];
}

/** Reserved for what may be chosen later; the defaults are right for a test. */
export interface BundleOptions {
  /** Refuse a larger artefact. @default MAX_BUNDLE_BYTES */
  readonly maxBytes?: number;
  /** Folders like `node_modules` that are looked into where none above the test has a package. @default none */
  readonly packages?: readonly string[];
}

/** CommonJS packages inside an ES module still ask for `require`, `__filename` and `__dirname`. All in one line. */
const BANNER = [
  "import { createRequire as __musterRequire } from 'node:module';",
  "import { fileURLToPath as __musterPath } from 'node:url';",
  'const require = __musterRequire(import.meta.url);',
  'const __filename = __musterPath(import.meta.url);',
  "const __dirname = __musterPath(new URL('.', import.meta.url));",
  FRAMES_BANNER,
].join(' ');

const FILE_LOADERS = {
  '.csv': 'text',
  '.txt': 'text',
  '.html': 'text',
  '.xml': 'text',
  '.graphql': 'text',
  '.pem': 'text',
} as const;

/**
 * Bundles a test file.
 *
 * @throws MusterError `FILE_NOT_FOUND`, `NO_TEST`, `SCRIPT_SYNTAX` (with `file:line:column` in the message),
 * `NATIVE_MODULE` (with the package's name) or `BUNDLE_TOO_LARGE`.
 */
export const bundleFile = async (file: string, options: BundleOptions = {}): Promise<Bundle> => {
  const path = resolve(file);
  await mustBeFile(path, file);
  const folder = dirname(path);
  const name = basename(path);
  const head: BundleHead = { format: BUNDLE_FORMAT, script: SCRIPT_VERSION, name };
  const result = await build({
    absWorkingDir: folder,
    entryPoints: [`./${name}`],
    outdir: folder,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    metafile: true,
    sourcemap: 'inline',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
    charset: 'utf8',
    entryNames: 'muster-bundle',
    loader: FILE_LOADERS,
    nodePaths: [...(options.packages ?? [])],
    banner: { js: `${headLine(head)}\n${BANNER}` },
    plugins: [scriptShim(), nativeGuard()],
  }).catch((thrown: unknown) => Promise.reject(refusal(thrown)));
  const natives = neededNatives(result.metafile, folder);
  if (natives.length > 0) throw nativeRefusal(natives);
  return artefact(result, head, options.maxBytes ?? MAX_BUNDLE_BYTES);
};

const mustBeFile = async (path: string, asked: string): Promise<void> => {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() === true) return;
  throw new MusterError('FILE_NOT_FOUND', found === null ? `there is no file ${asked}` : `${asked} is not a file`, {
    hint: 'give the path of a test file; `muster new test.ts` writes a first one',
  });
};

const artefact = (
  result: BuildResult<{ metafile: true; write: false }>,
  head: BundleHead,
  maxBytes: number,
): Bundle => {
  const { name } = head;
  const output = result.outputFiles[0];
  if (output === undefined) throw new MusterError('INTERNAL', `bundling ${name} gave no output`);
  const exported = Object.values(result.metafile.outputs).flatMap((each) => each.exports);
  if (!exported.some((each) => each !== 'options')) {
    throw new MusterError('NO_TEST', `${name} exports no test`, {
      hint: 'add `export default async function () { … }`',
    });
  }
  const bytes = finished(output, head);
  if (bytes.byteLength > maxBytes) {
    throw new MusterError(
      'BUNDLE_TOO_LARGE',
      `the bundle of ${name} has ${bytes.byteLength} bytes, more than ${maxBytes}`,
      {
        hint: 'import less, or read large data when the test runs',
      },
    );
  }
  const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as BundleHash;
  return { bytes, hash, name, exports: exported, warnings: result.warnings.map(line) };
};

/** With its frames kept, if the code lets that be done to it; its first line then says so. */
const finished = (output: OutputFile, head: BundleHead): Uint8Array => {
  const kept = keepFrames(output.text);
  if (kept === null) return output.contents;
  return new TextEncoder().encode(headLine({ ...head, frames: true }) + kept.slice(kept.indexOf('\n')));
};

const refusal = (thrown: unknown): MusterError => {
  const errors = (thrown as { errors?: readonly Message[] }).errors ?? [];
  if (errors.length === 0) return MusterError.from(thrown);
  const shown = errors.slice(0, 10).map(line);
  const more = errors.length > shown.length ? [`and ${errors.length - shown.length} more`] : [];
  return new MusterError('SCRIPT_SYNTAX', [...shown, ...more].join('\n'), { details: { where: place(errors[0]) } });
};

const nativeRefusal = (natives: readonly NativeUse[]): MusterError => {
  const names = [...new Set(natives.map((each) => each.package))].join(', ');
  return new MusterError(
    'NATIVE_MODULE',
    `${names} needs a native binary (imported by ${natives[0]?.importer ?? 'the test'})`,
    {
      hint: 'a test may use any npm package that is JavaScript only; agents run on other machines',
    },
  );
};

const place = (message: Message | undefined): string | null => {
  const at = message?.location;
  return at ? `${at.file}:${at.line}:${at.column + 1}` : null;
};

/** esbuild's own advice, to leave it out of the bundle, is of no use to agents on other machines. */
const whatIsMissing = (name: string): string => {
  if (name.startsWith('.') || name.startsWith('/')) return `there is no file "${name}"`;
  const [scope = name, rest] = name.split('/');
  const wanted = scope.startsWith('@') && rest !== undefined ? `${scope}/${rest}` : scope;
  return `there is no package "${wanted}" above the test: npm install ${wanted}, or run with --npm-dep ${wanted}`;
};

const line = (message: Message): string => {
  const at = place(message);
  const missing = /^Could not resolve "([^"]+)"$/.exec(message.text)?.[1];
  if (missing !== undefined) return `${at === null ? '' : `${at}: `}${whatIsMissing(missing)}`;
  const notes = message.notes.map((note) => note.text).filter((text) => text !== '');
  return `${at === null ? '' : `${at}: `}${message.text}${notes.length > 0 ? ` (${notes.join(' ')})` : ''}`;
};
