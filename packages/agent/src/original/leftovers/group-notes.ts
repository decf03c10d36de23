import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, processStat } from '@muster/daemon';

/** A process group of a run, so that another process of the agent can tell it from a stranger's. */
export interface NotedGroup {
  /** The pid of its leader, which is the id of its session too. */
  readonly group: number;
  /** When the leader started; null where the system does not say. */
  readonly ticks: string | null;
  /** The boot that `ticks` counts from. */
  readonly boot: string | null;
  /** `LOADS_AGENT_ID` in the environment of everything that it starts; null: it has none. */
  readonly agent: string | null;
}

const FILE = 'groups.log';

/**
 * Which process groups of runs there are, in a file of the agent's folder: a line when one is started, a line when it
 * has ended, nothing when there is none. An agent that is killed can end nobody; the next one in this folder does.
 *
 * Written without a wait: it has to be there before anything else happens, and outlives the process, not the machine,
 * with which the groups would be gone too.
 */
export class GroupNotes {
  #file: number | null;
  readonly #warn: (why: string) => void;
  readonly #noted = new Set<number>();
  /** What an earlier agent left, until it is known to be gone. */
  #kept: readonly NotedGroup[];

  /** @throws Error of the system when the file can't be opened */
  constructor(folder: string, warn: (why: string) => void) {
    const path = join(folder, FILE);
    this.#warn = warn;
    this.#file = openSync(path, 'a+', 0o600);
    this.#kept = openGroups(readFileSync(path, 'utf8'));
  }

  /** Groups of an earlier agent that did not end in its time. */
  get left(): readonly NotedGroup[] {
    return this.#kept;
  }
  /** Those of an earlier agent were looked at: what is given could not be ended, and stays for the next. */
  settle(remaining: readonly NotedGroup[]): void {
    this.#kept = remaining;
    this.#rewrite();
    for (const each of remaining) this.#write(lineOf(each));
  }

  /** Called right after the start, before the loop turns: its leader is there at least as a zombie. */
  started(group: number, agent: string | null): void {
    this.#noted.add(group);
    this.#write(lineOf({ group, ticks: processStat(group)?.ticks ?? null, boot: bootId(), agent }));
  }

  ended(group: number): void {
    if (!this.#noted.delete(group)) return;
    if (this.#noted.size === 0 && this.#kept.length === 0) this.#rewrite();
    else this.#write({ ended: group });
  }

  #write(line: object): void {
    if (this.#file === null) return;
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (thrown) {
      this.#warn((thrown as Error).message);
    }
  }
  #rewrite(): void {
    if (this.#file === null) return;
    try {
      ftruncateSync(this.#file);
    } catch (thrown) {
      this.#warn((thrown as Error).message);
    }
  }

  /** A child whose end is heard of later is noted no more. */
  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

const lineOf = ({ group, ...rest }: NotedGroup): object => ({ started: group, ...rest });

/** Those that were started and not ended; a line that is not whole says nothing. */
const openGroups = (text: string): readonly NotedGroup[] => {
  const open = new Map<number, NotedGroup>();
  for (const line of text.split('\n')) {
    const { started, ended, ticks, boot, agent } = objectOf(line);
    if (typeof ended === 'number') open.delete(ended);
    // 0 and 1 would be this process's own group, and everybody's.
    if (typeof started !== 'number' || !Number.isSafeInteger(started) || started < 2) continue;
    open.set(started, { group: started, ticks: textOr(ticks), boot: textOr(boot), agent: textOr(agent) });
  }
  return [...open.values()];
};

const textOr = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const objectOf = (line: string): Readonly<Record<string, unknown>> => {
  try {
    const found: unknown = JSON.parse(line);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return {};
    throw thrown;
  }
};
