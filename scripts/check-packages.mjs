// Looks at every package as it would be published: publint for the manifests, are-the-types-wrong for the SDK.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: 'inherit' });
for (const top of ['packages', 'apps']) {
  for (const name of readdirSync(top)) {
    const folder = join(top, name);
    if (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).private === true) continue;
    run('npx', ['--no-install', 'publint', '--strict', '--level', 'error'], folder);
  }
}
for (const name of ['protocol', 'metrics', 'client']) {
  run('npx', ['--no-install', 'attw', '--pack', '.', '--profile', 'node16', '--quiet'], join('packages', name));
}
