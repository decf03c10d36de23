// Gives a package with a CommonJS build its own `.d.cts` files: a copy of each `.d.ts` whose relative imports end in `.cjs`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

for (const entry of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  if (!entry.endsWith('.d.ts')) continue;
  const text = readFileSync(join('dist', entry), 'utf8').replace(
    /((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.js(['"])/g,
    '$1.cjs$2',
  );
  writeFileSync(join('dist', entry.replace(/\.d\.ts$/, '.d.cts')), text);
}
