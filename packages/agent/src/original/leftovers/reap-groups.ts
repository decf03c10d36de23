import { setTimeout as sleep } from 'node:timers/promises';
import { allProcesses, bootId, environmentOf, isLiving, type ProcessStat } from '@muster/daemon';
import type { NotedGroup } from './group-notes.js';

export interface ReapOptions {
  /** From SIGTERM to SIGKILL. */
  readonly ladderMs: number;
  readonly info: (about: object, message: string) => void;
  readonly warn: (about: object, message: string) => void;
}

const LOOK_MS = 50;
/** A process that was killed is gone at once, unless the kernel has it wait for a device. */
const KILLED_MS = 2_000;

/**
 * Ends the process groups that an agent left when it was killed: SIGTERM, after a while SIGKILL. Only what is certainly
 * the noted one gets a signal; the machine may have given its pid to somebody else by now.
 *
 * @returns those that are still there
 */
export const reapGroups = async (
  noted: readonly NotedGroup[],
  { ladderMs, info, warn }: ReapOptions,
): Promise<readonly NotedGroup[]> => {
  if (noted.length === 0) return [];
  const boot = bootId();
  if (boot === null) {
    const groups = noted.map(({ group }) => group);
    warn({ groups }, 'programs of an earlier start may be left: they can not be told from others here, look yourself');
    return [];
  }
  const leftovers = noted.filter((each) => each.boot === boot).map((each) => new Leftover(each));
  const remaining = () => {
    const all = allProcesses() ?? [];
    return leftovers.filter((each) => each.look(all));
  };
  const untilGone = async (withinMs: number): Promise<readonly Leftover[]> => {
    const end = performance.now() + withinMs;
    let left = remaining();
    while (left.length > 0 && performance.now() < end) {
      await sleep(LOOK_MS);
      left = remaining();
    }
    return left;
  };
  for (const each of remaining()) {
    info({ group: each.noted.group, pids: each.pids }, 'ends a program that an earlier start left: SIGTERM');
    each.signal('SIGTERM');
  }
  for (const each of await untilGone(ladderMs)) {
    info({ group: each.noted.group, pids: each.pids }, `it did not end in ${ladderMs} ms: SIGKILL`);
    each.signal('SIGKILL');
  }
  const left = await untilGone(KILLED_MS);
  for (const each of left) warn({ group: each.noted.group, pids: each.pids }, 'a program of an earlier start stays');
  return left.map((each) => each.noted);
};

/** One noted group with what is known to belong to it. */
class Leftover {
  readonly noted: NotedGroup;
  /** Members by pid, with their ticks. Known ones stay known, so that their group is known by them when its leader goes. */
  readonly #known = new Map<number, string>();
  #members: readonly ProcessStat[] = [];

  constructor(noted: NotedGroup) {
    this.noted = noted;
  }

  get pids(): readonly number[] {
    return this.#members.map(({ pid }) => pid);
  }

  /** Finds its living members among all processes. @returns whether there are any */
  look(all: readonly ProcessStat[]): boolean {
    // A program has a session of its own; groups that a shell makes in it are its own too.
    const session = all.filter(({ session: of }) => of === this.noted.group);
    const leader = all.find(({ pid }) => pid === this.noted.group);
    const isOurs =
      leader === undefined ? session.some((each) => this.#isKnown(each)) : leader.ticks === this.noted.ticks;
    this.#members = isOurs ? session.filter(isLiving) : [];
    for (const { pid, ticks } of this.#members) this.#known.set(pid, ticks);
    return this.#members.length > 0;
  }

  /**
   * Without a leader: one that was seen beside it, or has the agent's id in its environment. The kernel gives no pid away
   * that is still the id of a session, so one member that is ours makes all of them ours.
   */
  #isKnown({ pid, ticks }: ProcessStat): boolean {
    const { agent } = this.noted;
    if (this.#known.get(pid) === ticks) return true;
    return agent !== null && environmentOf(pid)?.includes(`LOADS_AGENT_ID=${agent}`) === true;
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    for (const group of new Set(this.#members.map((member) => member.group))) {
      try {
        process.kill(-group, name);
      } catch (thrown) {
        // Gone meanwhile, or with another user's rights: then it is told that it stays.
        const { code } = thrown as NodeJS.ErrnoException;
        if (code !== 'ESRCH' && code !== 'EPERM') throw thrown;
      }
    }
  }
}
