import { originalTopic, readSubscription } from '@muster/protocol';

/** Topics that are remembered; beyond it everything counts as watched. */
const MAX_TOPICS = 10_000;

/** Which runs of the original somebody has subscribed. A topic is the beginning of those that it stands for. */
export class WatchedTopics {
  readonly #topics = new Set<string>();
  #many = false;

  /** What an XPUB told. @returns the topic that is new; null for everything else */
  note(frames: readonly Buffer[]): string | null {
    const told = readSubscription(frames);
    if (told === null) return null;
    const { subscribed, topic } = told;
    if (this.#concerns(topic)) {
      if (!subscribed) this.#topics.delete(topic);
      else if (this.#topics.size < MAX_TOPICS) this.#topics.add(topic);
      else this.#many = true;
    }
    return subscribed ? topic : null;
  }

  /** Whether anybody watches any run. */
  get any(): boolean {
    return this.#many || this.#topics.size > 0;
  }

  has(run: string): boolean {
    if (this.#many) return true;
    if (this.#topics.size === 0) return false;
    const wanted = originalTopic(run);
    if (this.#topics.has(wanted)) return true;
    for (const topic of this.#topics) if (wanted.startsWith(topic)) return true;
    return false;
  }

  #concerns(topic: string): boolean {
    const all = originalTopic();
    return topic.startsWith(all) || all.startsWith(topic);
  }
}
