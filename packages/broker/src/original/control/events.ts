import type { AgentAnswer, OriginalQuestion, SignedOn } from '@muster/protocol';
import type { ObserverChoice } from '../../observers/observer.js';
import type { OriginalMetadata } from '../original-results.js';

/** A client's question that the controller answers; the others are looked up. */
export type ControlQuestion = Extract<
  OriginalQuestion,
  {
    readonly name:
      | 'CTRL_RUN'
      | 'CTRL_LIST_RUNS'
      | 'CTRL_STOP_RUN'
      | 'CTRL_AGENT_STATUS'
      | 'CTRL_AGENT_STOP'
      | 'CTRL_AGENT_QUIT'
      | 'CTRL_AGENT_RUN';
  }
>;

/** What a new run needs and the controller can't make: its id, and a number that the choice of agents is drawn from. */
export interface FreshOriginalRun {
  readonly run: string;
  readonly seed: number;
}

/** What happens to the controller of the original's runs. */
export type OriginalEvent =
  /** An agent of the original signs on, by whatever socket; a known one changes nothing. */
  | { readonly type: 'register'; readonly info: SignedOn }
  | { readonly type: 'unregister'; readonly agent: string }
  /** A native agent has signed on, and says which runs of the original it works for. */
  | { readonly type: 'native'; readonly agent: string; readonly original: readonly string[] }
  /** An agent of the original answers; `client` is in the envelope when a client had asked for it by name. */
  | {
      readonly type: 'answer';
      readonly agent: string;
      readonly client: string | null;
      readonly answer: AgentAnswer;
    }
  /** A native agent answers the command with this id. */
  | { readonly type: 'reply'; readonly agent: string; readonly id: string; readonly answer: AgentAnswer }
  /** What an agent was to be told could not be delivered for a while: it has no connection. */
  | { readonly type: 'unreachable'; readonly agent: string; readonly command: string }
  | {
      readonly type: 'ask';
      readonly client: string;
      readonly question: ControlQuestion;
      readonly fresh: FreshOriginalRun;
    }
  /** Answers `open`: the run's metadata is kept, or why not. */
  | { readonly type: 'opened'; readonly run: string; readonly fault: string | null }
  /** Answers `end`: everything about the run's end is kept. */
  | { readonly type: 'ended'; readonly run: string }
  /** A result of this agent about this run came. */
  | { readonly type: 'sent'; readonly run: string; readonly agent: string }
  /** Every 100 ms or so. */
  | { readonly type: 'sweep' };

/** The answer to a client: a text for what the protocol refuses, a list where the original gives a trace. */
export type OriginalAnswerBody =
  | { readonly result: unknown; readonly [more: string]: unknown }
  | { readonly error: string | readonly string[] };

/** A command for an agent, with its fields. */
export type OrderBody = Readonly<Record<string, unknown>> & { readonly command: string };

/** What the controller wants done, in this order: what stands after a `save` or a `delete` waits until it is on disk. */
export type OriginalEffect =
  | { readonly type: 'save'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string }
  /** Many effects may share one `order`, which is encoded once. */
  | {
      readonly type: 'tell';
      readonly agent: string;
      readonly order: OrderBody;
      /** The id of the native message; null for an agent of the original. */
      readonly id: string | null;
      readonly client: string | null;
    }
  | { readonly type: 'answer'; readonly client: string; readonly body: OriginalAnswerBody }
  /** Keep the metadata of a new run; answered by `opened`. */
  | { readonly type: 'open'; readonly run: string; readonly metadata: OriginalMetadata }
  /** Note something in a run's metadata, and then answer, if somebody waits for it. */
  | {
      readonly type: 'note';
      readonly run: string;
      readonly changes: OriginalMetadata;
      readonly reply: { readonly client: string; readonly body: OriginalAnswerBody } | null;
    }
  /** Note that the run is over, tell watchers and observers; answered by `ended`. After a crash it may come again. */
  | {
      readonly type: 'end';
      readonly run: string;
      readonly changes: OriginalMetadata;
      readonly observers: ObserverChoice;
    }
  /** A client of the original wants a native run to stop. */
  | { readonly type: 'stop-native'; readonly run: string }
  /** To everybody who listens to the heartbeat. */
  | { readonly type: 'beat'; readonly text: 'BEAT' | 'REGISTER' }
  | { readonly type: 'log'; readonly level: 'info' | 'warn'; readonly text: string };
