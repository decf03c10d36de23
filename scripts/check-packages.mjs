// Looks at every package as it would be published: publint for the manifests, are-the-types-wrong for the SDK.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const TYPED = ['@muster/protocol', '@muster/metrics', '@muster/client'];

const published = ['packages', 'apps']
  .flatMap((top) => readdirSync(top).map((name) => join(top, name)))
  .filter((folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).private !== true);
const packed = mkdtempSync(join(tmpdir(), 'muster-packed-'));
try {
  // Each is packed once, and all by one npm: its own start takes longer than the look at a package.
  const workspaces = published.flatMap((folder) => ['--workspace', folder]);
  const said = execFileSync('npm', ['pack', '--json', '--pack-destination', packed, ...workspaces], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const tarballs = Object.values(JSON.parse(said));
  if (tarballs.length !== published.length)
    throw new Error(`${published.length} packages are published, and ${tarballs.length} were packed`);
  for (const { name, filename } of tarballs) {
    const file = join(packed, filename);
    const { messages, pkg } = await publint({
      strict: true,
      level: 'error',
      pack: { tarball: Uint8Array.from(readFileSync(file)).buffer },
    });
    console.log(`${name}: ${messages.length === 0 ? 'fine' : `${messages.length} errors`}`);
    for (const message of messages) console.log(`  ${formatMessage(message, pkg)}`);
    if (messages.length > 0) process.exitCode = 1;
    if (TYPED.includes(name))
      execFileSync(process.execPath, ['node_modules/.bin/attw', file, '--profile', 'node16', '--quiet'], {
        stdio: 'inherit',
      });
  }
} finally {
  rmSync(packed, { recursive: true, force: true });
}
