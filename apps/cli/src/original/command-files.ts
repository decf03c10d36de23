import { stat } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';

/** Files below the folder that a command line names: they go along without being asked for. */
export const commandFiles = async (command: string, fqn: string | null, folder: string): Promise<readonly string[]> => {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|[^\s"']+/g)].map(
    ([word, double, single]) => double ?? single ?? word,
  );
  const named = [...words, ...(fqn === null ? [] : [fqn, fqn.replace(/:[^:/]*$/, '')])];
  const found: string[] = [];
  for (const word of new Set(named)) {
    if (word === '' || isAbsolute(word) || !resolve(folder, word).startsWith(folder + sep)) continue;
    const file = await stat(resolve(folder, word)).catch(() => null);
    if (file?.isFile() === true) found.push(word);
  }
  return found;
};
