import { resolve } from 'node:path';
import { MusterError } from '@muster/protocol';
import { fileOutput } from './file-output.js';
import { junitOutput } from './junit-output.js';
import type { Output } from './output.js';
import { writable } from './writable.js';

/** Flags that say where a run is told of. */
export interface OutputFlags {
  /** `console`, `file`, `null` or `junit`, each with `=FILE` where it writes one. @default console */
  readonly output?: readonly string[];
  readonly outputFileFilename?: string;
  readonly outputJunitFilename?: string;
  readonly quiet: boolean;
}

/** Outputs of a run; the console is apart, because it is drawn on. */
export interface ChosenOutputs {
  readonly quiet: boolean;
  readonly outputs: readonly Output[];
}

/** @throws MusterError `BAD_CONFIG` for a name that is none, or a file that can't be written */
export const chooseOutputs = (flags: OutputFlags, folder: string): ChosenOutputs => {
  const names = flags.output ?? ['console'];
  const outputs: Output[] = [];
  let console = false;
  for (const given of names) {
    const at = given.indexOf('=');
    const name = at < 0 ? given : given.slice(0, at);
    const file = at < 0 ? undefined : given.slice(at + 1);
    if (name === 'console' || name === 'stdout') console = true;
    else if (name === 'file')
      outputs.push(fileOutput(writable(resolve(folder, file ?? flags.outputFileFilename ?? 'muster.jsonl'))));
    else if (name === 'junit')
      outputs.push(junitOutput(writable(resolve(folder, file ?? flags.outputJunitFilename ?? 'muster-junit.xml'))));
    else if (name !== 'null') {
      throw new MusterError('BAD_CONFIG', `there is no output "${name}"`, {
        hint: name === 'funkload' ? 'junit stands in its place' : 'there are: console, file, null, junit',
      });
    }
  }
  return { quiet: flags.quiet || !console, outputs };
};
