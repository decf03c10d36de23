import type { AgentAnswer } from '@muster/protocol';
import { MusterError } from '@muster/protocol';
import type { Logger } from '../log.js';
import type { Asker, ExternalEffect, ExternalEvent } from './events.js';
import { ExternalProcess, type ProcessNews, type RunProcess } from './external-process.js';
import { GroupWatch } from './group-watch.js';
import { GroupNotes } from './leftovers/group-notes.js';
import { reapGroups } from './leftovers/reap-groups.js';
import { loadsEnvironment } from './loads-environment.js';
import { RowSender } from './row-sender.js';
import { fileInRunFolder, makeRunFolder, type RunFolder, removeRunFolder } from './run-folder.js';
import { TestProcess } from './test-process.js';

export interface ExternalHandsOptions {
  /** The agent's own folder. */
  readonly data: string;
  readonly maxHeapMiB: number;
  readonly hangMs: number;
  /** From SIGTERM to SIGKILL, for what an earlier agent left. */
  readonly ladderMs: number;
  readonly log: Logger;
  /** How the broker knows this agent. */
  readonly agent: () => string;
  /** Where rows go; null before a broker was found. */
  readonly receiver: () => string | null;
  readonly answer: (to: Asker, answer: AgentAnswer) => void;
  readonly onEvent: (event: ExternalEvent) => void;
}

type Start = Extract<ExternalEffect, { readonly type: 'start' }>;
type Prepare = Extract<ExternalEffect, { readonly type: 'prepare' }>;

/** What the core of runs of the original wants done, done: folders, processes, rows. */
export class ExternalHands {
  readonly #options: ExternalHandsOptions;
  readonly #watch = new GroupWatch();
  readonly #notes: GroupNotes;
  readonly #rows = new RowSender();
  readonly #folders = new Map<number, RunFolder>();
  readonly #processes = new Map<number, Map<number, RunProcess>>();
  #working: Promise<void> = Promise.resolve();

  constructor(options: ExternalHandsOptions) {
    const { data, log } = options;
    this.#options = options;
    this.#notes = new GroupNotes(data, (why) =>
      log.warn({ why }, 'a program is not noted: if this agent is killed, it stays'),
    );
  }

  /** Ends what an agent that was killed left in this folder. Resolves when it is gone. */
  async begin(): Promise<void> {
    const { ladderMs, log } = this.#options;
    const { left } = this.#notes;
    if (left.length === 0) return;
    const remaining = await reapGroups(left, {
      ladderMs,
      info: (about, message) => log.info(about, message),
      warn: (about, message) => log.warn(about, message),
    });
    this.#notes.settle(remaining);
  }

  do(effect: ExternalEffect): void {
    switch (effect.type) {
      case 'prepare':
        void this.#prepare(effect);
        return;
      case 'start':
        this.#start(effect);
        return;
      case 'signal':
        this.#processes.get(effect.job)?.get(effect.process)?.signal(effect.signal);
        return;
      case 'row': {
        const receiver = this.#options.receiver();
        if (receiver !== null) this.#rows.send(receiver, this.#options.agent(), effect.run, [effect.row]);
        return;
      }
      case 'answer':
        this.#options.answer(effect.to, effect.answer);
        return;
      case 'clear':
        this.#clear(effect.job);
    }
  }

  async #prepare({ job, run, spec, filedata }: Prepare): Promise<void> {
    const { data, agent, onEvent } = this.#options;
    try {
      const folder = await makeRunFolder({ data, agent: agent(), run, job, testDir: spec.testDir, filedata });
      this.#folders.set(job, folder);
      if (spec.target.kind === 'test') await fileInRunFolder(folder, spec.target.file);
      onEvent({ type: 'prepared', job });
    } catch (thrown) {
      onEvent({ type: 'unprepared', job, why: textOf(thrown) });
    }
  }

  #start(start: Start): void {
    const { job, process } = start;
    const { onEvent } = this.#options;
    const news: ProcessNews = {
      started: (pid) => onEvent({ type: 'started', job, process, pid }),
      unstarted: (why) => onEvent({ type: 'unstarted', job, process, why }),
      ended: (left, fault) => onEvent({ type: 'ended', job, process, left, fault }),
      gone: () => onEvent({ type: 'gone', job, process }),
    };
    try {
      const running = this.#launch(start, news);
      const ofJob = this.#processes.get(job) ?? new Map<number, RunProcess>();
      this.#processes.set(job, ofJob.set(process, running));
    } catch (thrown) {
      news.unstarted(textOf(thrown));
    }
  }

  #launch(start: Start, news: ProcessNews): RunProcess {
    const { run, spec, step, user, job } = start;
    const { agent, receiver: receiverNow, log, maxHeapMiB, hangMs } = this.#options;
    const folder = this.#folders.get(job);
    const receiver = receiverNow();
    if (folder === undefined || receiver === null)
      throw new MusterError('INTERNAL', `run ${run} has no ${folder === undefined ? 'folder' : 'receiver'}`);
    const loads = loadsEnvironment({ receiver, agent: agent(), run }, spec, step, user);
    const onLine = (line: string): void => log.debug({ run, user }, line);
    if (spec.target.kind === 'program') {
      const env = { ...ownEnvironment(), ...loads };
      return new ExternalProcess(
        { ...spec.target, folder: folder.path, env, watch: this.#watch, notes: this.#notes, onLine },
        news,
      );
    }
    return new TestProcess(
      {
        run,
        agent: agent(),
        target: spec.target,
        label: spec.label,
        step,
        folder,
        env: { ...loads, ...(spec.serverUrl === null ? {} : { BASE_URL: spec.serverUrl }) },
        maxHeapMiB,
        hangMs,
        notes: this.#notes,
        onLine,
        onRows: (rows) => this.#rows.send(receiver, agent(), run, rows),
      },
      news,
    );
  }

  #clear(job: number): void {
    const folder = this.#folders.get(job);
    this.#processes.delete(job);
    this.#folders.delete(job);
    if (folder === undefined) return;
    this.#working = this.#working
      .then(() => removeRunFolder(folder))
      .catch((thrown: unknown) =>
        this.#options.log.warn({ folder: folder.path, why: textOf(thrown) }, 'a folder stays'),
      );
  }

  async close(): Promise<void> {
    this.#watch.close();
    for (const job of [...this.#folders.keys()]) this.#clear(job);
    await this.#working;
    await this.#rows.close();
    this.#notes.close();
  }
}

/** What the agent itself was told is not the programs' business, nor what a run around the agent had. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'MUSTER_TOKEN' && !name.startsWith('LOADS_')),
  );

const textOf = (thrown: unknown): string => MusterError.from(thrown).message.replace(/^\[\w+\] /, '');
