import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of a process. */
export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** When it started, in the kernel's ticks since the boot: tells it from a later one with the same pid. */
  readonly ticks: string;
}

/** Fields 3, 5, 6 and 22 of /proc/PID/stat (proc(5)); null for a process that is gone, and where there is no /proc. */
export const processStat = (pid: number): ProcessStat | null => {
  const text = readOrNull(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name before the last ")" may hold anything.
  const [state = '', , group, session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = rest[15];
  return ticks === undefined ? null : { pid, state, group: Number(group), session: Number(session), ticks };
};

/** Every process that is there, zombies included; null where there is no /proc. */
export const allProcesses = (): readonly ProcessStat[] | null => {
  try {
    return readdirSync('/proc').flatMap((name) => {
      const stat = /^\d+$/.test(name) ? processStat(Number(name)) : null;
      return stat === null ? [] : [stat];
    });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
};

/** A zombie works no more: it only stays where nobody reaps it. */
export const isLiving = ({ state }: ProcessStat): boolean => state !== 'Z' && state !== 'X';

/** Names the time since the machine was started: pids and ticks of another boot mean nothing. Null without /proc. */
export const bootId = (): string | null => readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? null;

/** What a process was started with: `NAME=value` each; null when that is not ours to know. */
export const environmentOf = (pid: number): readonly string[] | null =>
  readOrNull(`/proc/${pid}/environ`)?.split('\0') ?? null;

const readOrNull = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw thrown;
  }
};
