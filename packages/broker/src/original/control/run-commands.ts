import { NOT_ENOUGH_AGENTS, type RunCommand } from '@muster/protocol';
import type { TellingParts } from './control-parts.js';
import type { FreshOriginalRun, OrderBody, OriginalAnswerBody } from './events.js';
import { pick } from './pick.js';
import { failed, refused } from './replies.js';

/** A run whose metadata is not kept yet: what is to be said when it is. */
interface Opening {
  readonly client: string;
  readonly order: OrderBody;
}

/** `CTRL_RUN`, `CTRL_LIST_RUNS` and `CTRL_STOP_RUN`: each is answered once. */
export class RunCommands {
  readonly #port: TellingParts;
  readonly #opening = new Map<string, Opening>();

  constructor(port: TellingParts) {
    this.#port = port;
  }

  run(client: string, fields: RunCommand, { run, seed }: FreshOriginalRun): void {
    const free = this.#port.agents.free();
    const refusal = this.#whyNot(fields.args, fields.agents, free.length);
    if (refusal !== null) {
      this.#port.do({ type: 'answer', client, body: refusal });
      return;
    }
    const agents = pick(free, fields.agents, seed);
    const since = this.#port.now().wallMs / 1_000;
    const members = agents.map((agent) => ({ agent, native: this.#port.agents.isNative(agent), since }));
    for (const { agent, native } of members)
      this.#port.agents.begin(agent, run, native, { since, nowMs: this.#port.now().nowMs });
    const { observers, receiver } = this.#port.config;
    const args = { ...observers.withoutSecrets(fields.args, null), zmq_receiver: receiver };
    this.#opening.set(run, { client, order: { ...fields, command: 'RUN', run_id: run, args } });
    const choice = observers.choice(fields.args);
    this.#port.runs.keep({ id: run, step: 'opening', members, errors: {}, ending: null, observers: choice });
    const shown = { ...observers.withoutSecrets(fields.args, '***'), zmq_receiver: receiver };
    this.#port.do({ type: 'open', run, metadata: { ...shown, started: since, active: true } });
  }

  /** Why a run does not begin; null when it does. */
  #whyNot(args: Readonly<Record<string, unknown>>, wanted: number, free: number): OriginalAnswerBody | null {
    const refusal = this.#port.config.observers.refusal(args);
    if (refusal !== null) return failed(refusal);
    if (free < wanted) return refused(NOT_ENOUGH_AGENTS);
    return this.#port.runs.count < this.#port.config.maxRuns
      ? null
      : refused(`${this.#port.config.maxRuns} runs go on already`);
  }

  /** The metadata of a new run is kept, or not. */
  opened(run: string, fault: string | null): void {
    const opening = this.#opening.get(run);
    const record = this.#port.runs.get(run);
    this.#opening.delete(run);
    if (opening === undefined || record?.step !== 'opening') return;
    const { client, order } = opening;
    if (fault !== null) {
      for (const { agent } of record.members) this.#port.agents.end(agent);
      this.#port.runs.drop(record);
      this.#port.do({ type: 'answer', client, body: failed(fault) });
      return;
    }
    const agents = record.members.map(({ agent }) => agent);
    this.#port.runs.keep({ ...record, step: 'running' });
    for (const agent of agents) this.#port.tell(agent, order);
    this.#port.do({ type: 'answer', client, body: { result: { agents, run_id: run } } });
    // Everybody signed off while it was opened.
    if (agents.length === 0) this.#port.runs.end(record);
  }

  list(client: string): void {
    this.#port.do({ type: 'answer', client, body: { result: this.#active() } });
  }

  #active(): Readonly<Record<string, readonly (readonly [string, number])[]>> {
    const original = this.#port.runs
      .all()
      .filter(({ step }) => step === 'running')
      .map(({ id, members }) => [id, members.map(({ agent, since }) => [agent, since] as const)] as const);
    const native = this.#port.config
      .nativeRuns()
      .map(({ id, agents, since }) => [id, agents.map((agent) => [agent, since] as const)] as const);
    return Object.fromEntries([...native, ...original]);
  }

  stop(client: string, run: string): void {
    const native = this.#port.config.nativeRuns().find(({ id }) => id === run);
    const record = this.#port.runs.get(run);
    if (native !== undefined) {
      this.#port.do({ type: 'stop-native', run });
      this.#port.do({ type: 'answer', client, body: { result: native.agents } });
    } else if (record?.step === 'running') {
      const agents = record.members.map(({ agent }) => agent);
      for (const agent of agents) this.#tellStop(agent, run);
      this.#port.do({ type: 'answer', client, body: { result: agents } });
    } else if (record !== undefined) {
      this.#port.do({ type: 'answer', client, body: { result: [] } });
    } else {
      // As the original: whatever a crash left of the run, it is not active from now on.
      const changes = { stopped: true, active: false, ended: this.#port.now().wallMs / 1_000 };
      this.#port.do({ type: 'note', run, changes, reply: { client, body: { result: [] } } });
    }
  }

  #tellStop(agent: string, run: string): void {
    const work = this.#port.agents.work(agent);
    if (work !== undefined) work.stopping = true;
    this.#port.tell(agent, work?.native === true ? { command: 'STOP', run_id: run } : { command: 'STOP' });
  }
}
