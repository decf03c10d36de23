import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a beat tells of this process and its workers. */
export interface MeasuredLoad {
  /** CPU used since the last measurement, in cores. */
  readonly cpu: number;
  readonly rssBytes: number;
  /** Longest delay of this process's loop since the last measurement. */
  readonly lagMs: number;
}

const RESOLUTION_MS = 20;
/** Ticks a second that /proc counts CPU in: fixed for user space (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

/** CPU milliseconds and resident bytes of a process, by /proc; null where there is no such file or no such process. */
const ofProcess = async (pid: number): Promise<{ readonly cpuMs: number; readonly rssBytes: number } | null> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // Behind the name, which may hold anything, fields 14, 15 and 24: utime, stime, rss.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuMs: (ticks * 1_000) / TICKS_PER_SECOND, rssBytes: Number(fields[21]) * PAGE_BYTES };
};

/** Measures what the agent takes of its machine. */
export class LoadMeter {
  readonly #lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #ownCpu = process.cpuUsage();
  #workerCpuMs = new Map<number, number>();
  #atMs = performance.now();

  constructor() {
    this.#lag.enable();
  }

  async measure(workers: readonly number[]): Promise<MeasuredLoad> {
    const atMs = performance.now();
    const elapsedMs = Math.max(1, atMs - this.#atMs);
    const own = process.cpuUsage(this.#ownCpu);
    this.#ownCpu = process.cpuUsage();
    this.#atMs = atMs;
    const lagMs = Math.max(0, this.#lag.max / 1e6 - RESOLUTION_MS);
    this.#lag.reset();
    let cpuMs = (own.user + own.system) / 1_000;
    let rssBytes = process.memoryUsage.rss();
    const seen = new Map<number, number>();
    for (const pid of workers) {
      const found = await ofProcess(pid);
      if (found === null) continue;
      seen.set(pid, found.cpuMs);
      cpuMs += Math.max(0, found.cpuMs - (this.#workerCpuMs.get(pid) ?? 0));
      rssBytes += found.rssBytes;
    }
    this.#workerCpuMs = seen;
    return { cpu: cpuMs / elapsedMs, rssBytes, lagMs: Number.isFinite(lagMs) ? lagMs : 0 };
  }

  close(): void {
    this.#lag.disable();
  }
}
