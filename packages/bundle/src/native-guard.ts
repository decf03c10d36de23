import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Metafile, Plugin } from 'esbuild';

/** Packages whose only purpose is to find and load a binary that was built for one machine. */
const LOADERS =
  /^(bindings|node-gyp-build|node-gyp-build-optional-packages|@mapbox\/node-pre-gyp|node-pre-gyp|prebuild-install|pkg-prebuilds|cmake-ts|napi-macros)(\/|$)/;
const NAMESPACE = 'muster-native';

/** A package that can't run without a native binary, and the file that imports it. */
export interface NativeUse {
  readonly package: string;
  readonly importer: string;
}

/** `…/node_modules/@scope/name/…` → its folder and name; the innermost one counts; null for the author's own files. */
const packageOf = (path: string): { readonly name: string; readonly folder: string } | null => {
  const at = path.replaceAll('\\', '/').lastIndexOf('node_modules/');
  if (at < 0) return null;
  const start = at + 'node_modules/'.length;
  const parts = path.slice(start).split(/[\\/]/);
  const name = (parts[0]?.startsWith('@') === true ? parts.slice(0, 2) : parts.slice(0, 1)).join('/');
  return { name, folder: path.slice(0, start) + name };
};

/**
 * Puts a module that throws in the place of every native binary. A package that only takes a binary when there is one
 * (it asks inside `try`) then works without; who can't do without is found afterwards by {@link neededNatives}.
 */
export const nativeGuard = (): Plugin => ({
  name: 'muster-native-guard',
  setup(build) {
    const stub = (args: { path: string }) => ({ path: args.path, namespace: NAMESPACE });
    build.onResolve({ filter: LOADERS }, stub);
    build.onResolve({ filter: /\.node$/ }, stub);
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, (args) => ({
      contents: `throw Object.assign(new Error(${JSON.stringify(`${args.path} loads a native binary`)}), { code: 'NATIVE_MODULE' });`,
      loader: 'js',
    }));
  },
});

interface Manifest {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const takesOptionally = (folder: string, name: string): boolean => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return (
    manifest.optionalDependencies?.[name] !== undefined || manifest.peerDependenciesMeta?.[name]?.optional === true
  );
};

/**
 * The packages of a bundle that load a native binary and that somebody imports without having named them optional.
 * `root` is the folder to which the metafile's paths are relative.
 */
export const neededNatives = (metafile: Metafile, root: string): readonly NativeUse[] => {
  const edges = Object.entries(metafile.inputs).flatMap(([importer, input]) =>
    input.imports.map((each) => ({ importer, imported: each.path })),
  );
  const needed: NativeUse[] = [];
  const direct = edges.filter((edge) => edge.imported.startsWith(`${NAMESPACE}:`));
  for (const { importer, imported } of direct) {
    const owner = packageOf(importer);
    if (owner === null) needed.push({ package: imported.slice(NAMESPACE.length + 1), importer });
  }
  const suspects = new Set(direct.map((edge) => packageOf(edge.importer)?.name).filter((name) => name !== undefined));
  for (const { importer, imported } of edges) {
    const name = packageOf(imported)?.name;
    const owner = packageOf(importer);
    if (name === undefined || !suspects.has(name) || owner?.name === name) continue;
    if (owner === null || !takesOptionally(resolve(root, owner.folder), name)) needed.push({ package: name, importer });
  }
  return needed;
};
