import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 100;

/** Whether a process group has members, zombies included: they stay where nobody reaps them. */
export const groupExists = (group: number): boolean => {
  try {
    process.kill(-group, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

/** Groups with a member that is no zombie (proc(5): fields 3 and 5 of `stat`); null where there is no /proc. */
const livingGroups = (): ReadonlySet<number> | null => {
  let pids: readonly string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
  const groups = new Set<number>();
  for (const pid of pids) {
    const stat = statOf(pid);
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== undefined && state !== 'Z' && state !== 'X') groups.add(Number(group));
  }
  return groups;
};

/** Empty for a process that went while it was looked at. */
const statOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw thrown;
  }
};

/** Tells when nobody of a process group is left. The system says so of children only, so it is looked at. */
export class GroupWatch {
  readonly #gone = new Map<number, () => void>();
  #timer: NodeJS.Timeout | null = null;

  /** @param onGone called once */
  add(group: number, onGone: () => void): void {
    this.#gone.set(group, onGone);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const living = livingGroups();
    for (const [group, onGone] of [...this.#gone]) {
      if (groupExists(group) && (living === null || living.has(group))) continue;
      this.#gone.delete(group);
      onGone();
    }
    if (this.#gone.size === 0) this.close();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#gone.clear();
  }
}
