import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const SPECIAL = /[*?[\]]/;

/**
 * Files and folders that a pattern names, from a folder on, as a shell's: `*` and `?` within a name, `[abc]`, and `**`
 * for any folders between. Names with a dot in front only where the pattern has one. Sorted; relative to the folder.
 */
export const expandGlob = async (pattern: string, folder: string): Promise<readonly string[]> => {
  if (!SPECIAL.test(pattern)) return [pattern];
  const parts = pattern.split('/').filter((part, index) => part !== '.' && (part !== '' || index === 0));
  const found: string[] = [];
  for (const path of new Set(await matches(folder, '', parts))) {
    if ((await lstat(resolve(folder, path)).catch(() => null)) !== null) found.push(path);
  }
  return found.sort();
};

const matches = async (folder: string, above: string, parts: readonly string[]): Promise<readonly string[]> => {
  const [part, ...rest] = parts;
  if (part === undefined) return above === '' ? [] : [above];
  if (part !== '**' && !SPECIAL.test(part)) return await matches(folder, part === '' ? '/' : join(above, part), rest);
  const entries = await readdir(join(folder, above), { withFileTypes: true }).catch(() => []);
  const found = part === '**' ? [...(await matches(folder, above, rest))] : [];
  const fits = part === '**' ? null : toExpression(part);
  for (const entry of entries) {
    const path = join(above, entry.name);
    if (fits === null) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) found.push(...(await matches(folder, path, parts)));
    } else if (fits.test(entry.name)) {
      if (rest.length === 0 || entry.isDirectory()) found.push(...(await matches(folder, path, rest)));
    }
  }
  return found;
};

const toExpression = (part: string): RegExp => {
  const source = part.replace(/\[!?[^\]]+\]|[*?]|[^*?[]+|\[/g, (piece) => {
    if (piece === '*') return '.*';
    if (piece === '?') return '.';
    if (piece.length > 2 && piece.startsWith('[')) return piece.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return piece.replace(/[\\^$.|+(){}[\]]/g, '\\$&');
  });
  return new RegExp(part.startsWith('.') ? `^${source}$` : `^(?!\\.)${source}$`);
};
