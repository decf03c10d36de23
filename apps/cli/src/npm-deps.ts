import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';
import type { Io } from './io.js';

/** Packages that were installed for one run, in a folder that goes with it. */
export interface NpmDeps extends AsyncDisposable {
  readonly folder: string;
  readonly nodeModules: string;
}

/** A name with or without a version, or a path: never a flag. */
const SPEC = /^(?!-)[^\s\0]+$/;

/**
 * Installs packages with npm into a folder of their own, here and once: what a test imports goes into its bundle, and
 * external programs get the folder with their files. Install scripts are not run; no shell reads the names.
 *
 * @throws MusterError `BAD_CONFIG` for what npm refuses, with its words
 */
export const installNpmDeps = async (specs: readonly string[], io: Io): Promise<NpmDeps> => {
  const wanted = specs.flatMap((each) => each.split(',')).map((each) => each.trim());
  const wrong = wanted.find((each) => !SPEC.test(each));
  if (wrong !== undefined) throw new MusterError('BAD_CONFIG', `--npm-dep "${wrong}" is no package`);
  const folder = await mkdtemp(join(tmpdir(), 'muster-deps-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    await npm(
      ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', '--install-links', ...wanted],
      io,
    );
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return { folder, nodeModules: join(folder, 'node_modules'), [Symbol.asyncDispose]: dispose };
};

const npm = (args: readonly string[], io: Io): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('npm', args, { cwd: io.cwd, env: io.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-4_000);
    });
    child.once('error', (cause) =>
      reject(new MusterError('BAD_CONFIG', `npm can't be started: ${cause.message}`, { cause })),
    );
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new MusterError('BAD_CONFIG', `npm could not install what --npm-dep names:\n${said.trim()}`));
    });
  });
