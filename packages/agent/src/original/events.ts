import type { AgentAnswer, OriginalOrder } from '@muster/protocol';
import type { RunSpec, Step } from './run-spec.js';

/** Whom an answer goes to. */
export type Asker =
  /** The broker of ours, about its message of this id. */
  | { readonly native: string }
  /** A broker of the original; `client` is the routing id of the client that asked for this agent, or null. */
  | { readonly client: string | null };

/** A row of the original, without the agent and the run: those are added where it is written. */
export type LoadsRow = Readonly<Record<string, unknown>> & { readonly data_type: string };

/** What can happen to runs of the original, as the shell tells it. Jobs and processes are numbered by the core. */
export type ExternalEvent =
  | { readonly type: 'order'; readonly from: Asker; readonly order: OriginalOrder }
  /** A command came that can't be read. */
  | { readonly type: 'unreadable'; readonly from: Asker; readonly why: string }
  /** Answers `prepare`. */
  | { readonly type: 'prepared'; readonly job: number }
  | { readonly type: 'unprepared'; readonly job: number; readonly why: string }
  /** Answer `start`. */
  | { readonly type: 'started'; readonly job: number; readonly process: number; readonly pid: number }
  | { readonly type: 'unstarted'; readonly job: number; readonly process: number; readonly why: string }
  /** A process ended; `left`: others of its group go on. `fault`: why it counts as failed, else null. */
  | {
      readonly type: 'ended';
      readonly job: number;
      readonly process: number;
      readonly left: boolean;
      readonly fault: string | null;
    }
  /** Nobody of its group is there any more. */
  | { readonly type: 'gone'; readonly job: number; readonly process: number };

/** What {@link ExternalRuns} wants done, in this order. */
export type ExternalEffect =
  /** Make the run's folder and put the files there (a zip in base64). */
  | {
      readonly type: 'prepare';
      readonly job: number;
      readonly run: string;
      readonly spec: RunSpec;
      readonly filedata: string | null;
    }
  /** Start a process in a session of its own, in the run's folder. */
  | {
      readonly type: 'start';
      readonly job: number;
      readonly process: number;
      readonly run: string;
      readonly spec: RunSpec;
      readonly step: Step;
      /** Counts from 1. */
      readonly user: number;
    }
  /** To the process and all of its group. */
  | { readonly type: 'signal'; readonly job: number; readonly process: number; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** Push a row to the broker's receiver. */
  | { readonly type: 'row'; readonly run: string; readonly row: LoadsRow }
  | { readonly type: 'answer'; readonly to: Asker; readonly answer: AgentAnswer }
  /** The run is over: its private folder goes. */
  | { readonly type: 'clear'; readonly job: number };

/** Where a broker of the original is, as far as an agent needs it. */
export interface OriginalPlace {
  readonly backend: string;
  readonly receiver: string;
  readonly register: string;
  /** Null when the broker was started without one. */
  readonly heartbeat: string | null;
}

/** What happens between an agent and a broker of the original. */
export type MembershipEvent =
  /** The answer to a `PING` came from a broker of the original. */
  | { readonly type: 'place'; readonly place: OriginalPlace }
  /** Something came on the heartbeat. */
  | { readonly type: 'beat' }
  /** The connection to the backend was lost and is there again. */
  | { readonly type: 'again' };

/** What is to be done at a broker of the original. */
export type MembershipEffect =
  /** Connect to it; from now on no other dialect is spoken. */
  | { readonly type: 'join'; readonly place: OriginalPlace }
  | { readonly type: 'register' }
  /** Say that nothing runs here any more, so that no run waits for this agent, and sign off. */
  | { readonly type: 'unregister' };
