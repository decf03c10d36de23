import * as zmq from 'zeromq';

/** A question as it came: JSON of a client. */
export interface Asked {
  readonly command: string;
  readonly [field: string]: unknown;
}

/** What a question draws: an answer, several, or none. */
export type Answers = (question: Asked, asker: string) => object | readonly object[] | null;

/** A broker of the original, as far as its frontend and publisher go: plain sockets, plain JSON, no code of ours. */
export class RawBroker {
  readonly asked: Asked[] = [];
  readonly askers = new Set<string>();
  readonly answers: Record<string, Answers>;
  endpoint = '';
  publisher = '';
  #front: zmq.Router;
  readonly #pub = new zmq.XPublisher({ linger: 0 });
  #sending: Promise<unknown> = Promise.resolve();
  readonly #watchers = new Set<() => void>();

  private constructor(answers: Record<string, Answers>) {
    this.answers = { PING: () => ({ result: this.pong() }), ...answers };
    this.#front = new zmq.Router({ linger: 0 });
  }

  static async start(answers: Record<string, Answers> = {}): Promise<RawBroker> {
    const broker = new RawBroker(answers);
    await broker.#front.bind('tcp://127.0.0.1:*');
    broker.endpoint = broker.#front.lastEndpoint ?? '';
    await broker.#pub.bind('tcp://127.0.0.1:*');
    broker.publisher = broker.#pub.lastEndpoint ?? '';
    void broker.#serve(broker.#front);
    void broker.#subscriptions();
    return broker;
  }

  subscribers = 0;

  pong(): object {
    return {
      pid: 15_723,
      endpoints: { frontend: this.endpoint, publisher: this.publisher.replace('127.0.0.1', '0.0.0.0') },
      agents: { 'vm-15872': { pid: 15_872, hostname: 'vm', agent_id: 'vm-15872' } },
    };
  }

  publish(text: string): void {
    this.#send(() => this.#pub.send(text));
  }

  /** Dies and comes back under the same address. */
  async restart(): Promise<void> {
    this.#front.close();
    const next = new zmq.Router({ linger: 0 });
    for (;;) {
      try {
        await next.bind(this.endpoint);
        break;
      } catch (thrown) {
        if ((thrown as { code?: string }).code !== 'EADDRINUSE') throw thrown;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#front = next;
    void this.#serve(next);
  }

  /** Resolves when the condition holds, looked at whenever something comes in. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  close(): void {
    this.#front.close();
    this.#pub.close();
  }

  async #serve(front: zmq.Router): Promise<void> {
    for await (const frames of front) {
      const [asker, body] = [frames[0], frames.at(-1)];
      if (asker === undefined || body === undefined || frames.length !== 3 || frames[1]?.length !== 0) continue;
      const question = JSON.parse(body.toString()) as Asked;
      this.asked.push(question);
      this.askers.add(asker.toString('hex'));
      const answers = this.answers[question.command] ?? (() => ({ error: `unknown command ${question.command}` }));
      const answer = answers(question, asker.toString('hex'));
      for (const each of answer === null ? [] : [answer].flat()) {
        // Compact, with slashes escaped, as the original's encoder writes.
        const text = JSON.stringify(each).replaceAll('/', '\\/');
        this.#send(() => front.send([asker, '', text]));
      }
      this.#changed();
    }
  }

  async #subscriptions(): Promise<void> {
    for await (const [frame] of this.#pub) {
      this.subscribers += frame?.[0] === 1 ? 1 : -1;
      this.#changed();
    }
  }

  #send(send: () => Promise<void>): void {
    // A client that has gone is nobody's fault.
    this.#sending = this.#sending.then(send).catch(() => undefined);
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }
}
