import { MusterError } from '@muster/protocol';
import type { WorkerNews, WorkerOrder } from '../ipc.js';

type Question = Extract<WorkerNews, { readonly id: number }>;
type WithoutId<Q> = Q extends { readonly id: number } ? Omit<Q, 'id'> : never;
type Reply = Extract<WorkerOrder, { readonly type: 'reply' }>;

interface Asker {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The worker's end of its channel: news go out, questions come back answered. */
export class Channel {
  readonly #send: NonNullable<NodeJS.Process['send']>;
  readonly #askers = new Map<number, Asker>();
  #nextId = 0;

  /** Takes the channel away from the author's code, which has no business there. */
  constructor() {
    const { send } = process;
    if (send === undefined) throw new Error('a worker is started by an agent, with a channel');
    this.#send = send.bind(process);
    Object.assign(process, { send: undefined });
  }

  /** What can't be told because the channel has closed is lost: the worker ends then. */
  tell(news: WorkerNews, sent: () => void = () => undefined): void {
    if (process.connected) this.#send(news, undefined, undefined, sent);
    else sent();
  }

  ask(question: WithoutId<Question>): Promise<unknown> {
    this.#nextId += 1;
    const id = this.#nextId;
    return new Promise((resolve, reject) => {
      this.#askers.set(id, { resolve, reject });
      this.tell({ ...question, id } as Question);
    });
  }

  answer(reply: Reply): void {
    const asker = this.#askers.get(reply.id);
    this.#askers.delete(reply.id);
    if (reply.error !== undefined) asker?.reject(MusterError.fromWire(reply.error));
    else asker?.resolve(reply.result);
  }
}
