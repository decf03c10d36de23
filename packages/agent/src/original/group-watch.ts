import { allProcesses, isLiving } from '@muster/daemon';

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

/** Groups with a member that is no zombie; null where there is no /proc. */
const livingGroups = (): ReadonlySet<number> | null => {
  const all = allProcesses();
  return all === null ? null : new Set(all.filter(isLiving).map(({ group }) => group));
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
