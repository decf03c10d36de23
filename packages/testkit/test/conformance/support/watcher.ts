import * as zmq from 'zeromq';
import { until } from './wait.js';

/** A watcher as the original has it: a SUB that wants everything. */
export class Watcher {
  readonly heard: string[] = [];
  readonly frames: number[] = [];
  readonly #socket = new zmq.Subscriber({ linger: 0 });
  #isClosed = false;

  constructor(endpoint: string) {
    this.#socket.connect(endpoint);
    this.#socket.subscribe('');
    void this.#listen();
  }

  async hears(text: string): Promise<void> {
    await until(text, () => this.heard.includes(text));
  }
  async hearsEnd(run: string): Promise<void> {
    await this.hears(`{"data_type":"run-finished","run_id":"${run}"}`);
  }
  close(): void {
    this.#isClosed = true;
    this.#socket.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        this.frames.push(frames.length);
        this.heard.push(String(frames[0]));
      }
    } catch (thrown) {
      if (!this.#isClosed) throw thrown;
    }
  }
}
