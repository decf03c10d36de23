import { type AgentAnswer, agentId, type OriginalQuestion, readQuestion } from '@muster/protocol';
import { Registry } from '../../src/controller/agents/registry.js';
import type { OriginalConfig } from '../../src/original/control/control-config.js';
import type { ControlQuestion, OriginalEffect, OriginalEvent } from '../../src/original/control/events.js';
import { OriginalControl } from '../../src/original/control/original-control.js';

type Effect<T extends OriginalEffect['type']> = Extract<OriginalEffect, { type: T }>;

/** The controller with everything around it played by hand: a clock, a journal, metadata. */
export class ControlStage {
  readonly registry: Registry;
  readonly control: OriginalControl;
  /** What the controller saved. */
  readonly saved: Record<string, unknown>;
  readonly metadata: Record<string, Record<string, unknown>> = {};
  readonly effects: OriginalEffect[] = [];
  nowMs = 1_000;
  /** False: metadata is not kept until `settle`. */
  keeps = true;
  /** Questions so far: makes ids of runs. */
  asked: number;

  constructor(
    config: Partial<OriginalConfig> = {},
    saved: Record<string, unknown> = {},
    { registry = new Registry(100), asked = 0 } = {},
  ) {
    this.saved = saved;
    this.asked = asked;
    this.registry = registry;
    this.control = new OriginalControl({ boot: 'b00', receiver: 'tcp://r:1', ...config }, registry, { ...saved });
    this.#carryOut(this.control.begin(this.#at()));
  }

  #at() {
    return { nowMs: this.nowMs, wallMs: 1_700_000_000_000 + this.nowMs };
  }

  do(event: OriginalEvent): readonly OriginalEffect[] {
    const effects = this.control.handle(event, this.#at());
    this.#carryOut(effects);
    return effects;
  }

  #carryOut(effects: readonly OriginalEffect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.type === 'save') this.saved[effect.key] = effect.value;
      else if (effect.type === 'delete') delete this.saved[effect.key];
      else if (this.keeps) this.settle(effect);
    }
  }

  /** Answers what the controller wants kept. */
  settle(effect: OriginalEffect): void {
    if (effect.type === 'open') {
      this.metadata[effect.run] = { ...effect.metadata };
      this.do({ type: 'opened', run: effect.run, fault: null });
    } else if (effect.type === 'note' || effect.type === 'end') {
      this.metadata[effect.run] = { ...this.metadata[effect.run], ...effect.changes };
      if (effect.type === 'end') this.do({ type: 'ended', run: effect.run });
    }
  }

  of<T extends OriginalEffect['type']>(type: T): readonly Effect<T>[] {
    return this.effects.filter((effect): effect is Effect<T> => effect.type === type);
  }
  /** What agents were told, as `agent command`. */
  told(command?: string): readonly string[] {
    return this.of('tell')
      .filter(({ order }) => command === undefined || order.command === command)
      .map(({ agent, order }) => `${agent} ${order.command}`);
  }
  last(agent: string, command: string): Effect<'tell'> {
    const found = this.of('tell').filter((each) => each.agent === agent && each.order.command === command);
    const last = found.at(-1);
    if (last === undefined) throw new Error(`${agent} was not told ${command}`);
    return last;
  }
  answers(client = 'c'): readonly unknown[] {
    return this.effects.flatMap((effect) => {
      if (effect.type === 'answer' && effect.client === client) return [effect.body];
      return effect.type === 'note' && effect.reply?.client === client ? [effect.reply.body] : [];
    });
  }

  register(...agents: string[]): void {
    for (const agent of agents)
      this.do({ type: 'register', info: { agent, pid: Number(agent) || agent, hostname: 'vm' } });
  }
  /** A native agent signs on; the answer is its id. */
  native(node: string, original: readonly string[] = []): string {
    const boot = '0a'.repeat(16);
    const id = agentId(node, boot);
    this.registry.signOn(
      id,
      {
        type: 'hello',
        node,
        boot,
        version: '0.1.0',
        protocol: [1, 1],
        hostname: 'host',
        pid: 7,
        cores: 1,
        workers: 1,
        labels: {},
        capacity: { memoryBytes: 1 },
        run: null,
        streams: [],
      },
      this.nowMs,
    );
    this.do({ type: 'native', agent: id, original });
    return id;
  }

  /** A client's question as it came on the wire; the answer is the one answer to it, if there is one yet. */
  ask(question: object, client = 'c'): unknown {
    const before = this.answers(client).length;
    this.asked += 1;
    const read: OriginalQuestion = readQuestion(Buffer.from(JSON.stringify(question)));
    this.do({
      type: 'ask',
      client,
      question: read as ControlQuestion,
      fresh: { run: `run-${this.asked}`, seed: this.asked },
    });
    const given = this.answers(client).slice(before);
    if (given.length > 1) throw new Error(`${given.length} answers`);
    return given[0];
  }
  /** Starts a run; the answer is its id. */
  run(agents: number, args: object = {}): string {
    const answer = this.ask({ command: 'CTRL_RUN', agents, args });
    const { result } = answer as { result: { run_id: string } };
    return result.run_id;
  }
  runs(): Readonly<Record<string, readonly (readonly [string, number])[]>> {
    return (this.ask({ command: 'CTRL_LIST_RUNS' }, 'lister') as { result: ReturnType<ControlStage['runs']> }).result;
  }
  agentsOf(run: string): readonly string[] {
    return (this.runs()[run] ?? []).map(([agent]) => agent).sort();
  }

  says(agent: string, result: NonNullable<AgentAnswer['result']>, client: string | null = null): void {
    this.do({ type: 'answer', agent, client, answer: { result } });
  }
  status(agent: string, status: Record<string, unknown>): void {
    this.says(agent, { command: '_STATUS', status: status as never });
  }

  /** Lets time go by in steps of a sweep. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.nowMs += Math.min(100, left);
      this.do({ type: 'sweep' });
    }
  }
}
