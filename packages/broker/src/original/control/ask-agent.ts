import { type AgentAnswer, OriginalRunId } from '@muster/protocol';
import type { Instant } from '../../controller/events.js';
import type { DirectQuestion, DirectQuestions } from './direct-questions.js';
import type { ControlQuestion, OrderBody, OriginalAnswerBody } from './events.js';
import type { KnownAgents } from './known-agents.js';
import { refused, relayed } from './replies.js';

type AgentQuestion = Extract<ControlQuestion, { readonly name: `CTRL_AGENT_${string}` }>;

/** Between two looks whether an agent has quit. */
const LOOK_MS = 300;

/** What questions to agents by name need of the controller. */
export interface DirectPort {
  readonly agents: KnownAgents;
  readonly direct: DirectQuestions;
  readonly at: Instant;
  readonly directMs: number;
  readonly receiver: string;
  tell(agent: string, order: OrderBody, client: string | null): string | null;
  answer(client: string, body: OriginalAnswerBody): void;
  /** A native agent works for a client from now on. */
  begin(agent: string): void;
}

/** A client wants something of an agent by its name. A status it gets at once, the rest when the agent answers. */
export const askAgent = (port: DirectPort, client: string, { name, fields }: AgentQuestion): void => {
  const { agent_id: agent, ...rest } = fields;
  const command =
    name === 'CTRL_AGENT_STATUS' ? '_STATUS' : (name.slice('CTRL_AGENT_'.length) as 'RUN' | 'STOP' | 'QUIT');
  const isKnown = port.agents.isKnown(agent);
  if (command === '_STATUS') {
    // As in the original the fresh answer is for the next who asks.
    const cached = port.agents.contactOf(agent)?.status ?? null;
    if (isKnown) port.tell(agent, orderOf(port, agent, command, fields), client);
    port.answer(client, { result: cached ?? { status: {}, command: 'STATUS' } });
    return;
  }
  if (!isKnown) {
    port.answer(client, refused(`unknown agent ${agent}`));
    return;
  }
  const native = port.agents.isNative(agent);
  if (command === 'RUN' && native) {
    if (!port.agents.isFree(agent)) {
      port.answer(client, refused(`agent ${agent} works for another run`));
      return;
    }
    port.begin(agent);
  }
  if (command === 'STOP') {
    const work = port.agents.work(agent);
    if (work !== undefined) work.stopping = true;
  }
  const id = port.tell(agent, orderOf(port, agent, command, native ? rest : fields), client);
  const untilMs = port.at.nowMs + port.directMs;
  for (const late of port.direct.add({ agent, client, command, id, untilMs, lookMs: port.at.nowMs }))
    port.answer(late.client, refused(`${late.agent} did not answer ${late.command}`));
};

/** To an agent of the original everything that the client said goes on; a native one gets the fields of the command. */
const orderOf = (
  { agents, receiver }: DirectPort,
  agent: string,
  command: string,
  fields: Readonly<Record<string, unknown>>,
): OrderBody => {
  if (!agents.isNative(agent)) return { ...fields, command };
  const run = OriginalRunId.safeParse(fields.run_id);
  const ofRun = run.success ? { run_id: run.data } : {};
  if (command === 'QUIT') return { command, force: fields.force === true };
  if (command !== 'RUN') return { command, ...ofRun };
  const args = typeof fields.args === 'object' && fields.args !== null ? fields.args : {};
  const files = typeof fields.filedata === 'string' ? { filedata: fields.filedata } : {};
  return { command, ...ofRun, ...files, args: { zmq_receiver: receiver, ...args } };
};

/** Gives an agent's answer to the client that waits for it. */
export const settleDirect = (
  { direct, answer }: DirectPort,
  said: AgentAnswer,
  fits: (question: DirectQuestion) => boolean,
): void => {
  const question = direct.take(fits);
  if (question !== null) answer(question.client, relayed(question.agent, said));
};

/**
 * An agent of the original leaves without a word when it is told to quit. So it is asked for its status behind that: it
 * is gone when that can't be delivered.
 */
export const lookAfterQuitters = ({ direct, at, tell }: DirectPort): void => {
  for (const question of direct.quitting()) {
    if (question.id !== null || at.nowMs < question.lookMs) continue;
    question.lookMs = at.nowMs + LOOK_MS;
    tell(question.agent, { command: 'STATUS' }, null);
  }
};
