import { randomInt, randomUUID } from 'node:crypto';
import {
  BOUNDS,
  type BrokerMessage,
  encodeOriginal,
  MusterError,
  type OriginalOrder,
  type OriginalQuestion,
  type SignedOn,
} from '@muster/protocol';
import type { Instant } from '../../controller/events.js';
import type { Journal } from '../../journal/journal.js';
import type { Logger } from '../../log.js';
import { originalEnd, type RunEnd } from '../../observers/run-end.js';
import type { Teller } from '../../observers/teller.js';
import { EffectQueue, type QueuedEffect } from '../../shell/effect-queue.js';
import { untilDone } from '../../store/until-done.js';
import type { OrderBody, OriginalAnswerBody, OriginalEffect, OriginalEvent } from '../control/events.js';
import type { OriginalControl } from '../control/original-control.js';
import { failed } from '../control/replies.js';
import type { OriginalFeed } from '../feed/original-feed.js';
import type { NativeRuns } from '../native/native-runs.js';
import type { OriginalMetadata, OriginalPresence, OriginalResults } from '../original-results.js';
import { type LookUp, lookUpOriginal } from './look-ups.js';

/** What carries out the effects of the controller of the original's runs. */
export interface OriginalDeskParts {
  readonly control: OriginalControl;
  readonly results: OriginalResults;
  /** Runs of ours, for whoever asks for them by the original's commands. */
  readonly native: NativeRuns;
  /** Rows and ends for native watchers. */
  readonly feed: OriginalFeed;
  readonly teller: Pick<Teller, 'owe' | 'tell'>;
  readonly webRoot: string | null;
  readonly journal: Pick<Journal, 'save'>;
  readonly log: Logger;
  now(): Instant;
  /** A command for an agent of the original. */
  tellOriginal(agent: string, command: string, payload: Buffer, client: string | null): void;
  /** The same for a native one. @throws MusterError for what its dialect can't carry */
  tellNative(agent: string, command: string, message: BrokerMessage): void;
  answer(client: string, payload: Buffer): void;
  /** To watchers of the original. */
  publish(payload: Buffer): void;
  beat(text: string): void;
  stopNative(run: string): void;
}

type Plain = Exclude<OriginalEffect, { type: 'save' | 'delete' }>;

const MAX_SEED = 2 ** 32;

/** The controller of the original's runs at work: events go in, its effects are carried out in order. */
export class OriginalDesk implements OriginalPresence {
  readonly #parts: OriginalDeskParts;
  readonly #queue: EffectQueue<Plain>;
  readonly #background = new Set<Promise<void>>();
  /** An order goes to many agents: it is written once. */
  readonly #written = new WeakMap<OrderBody, Buffer>();

  constructor(parts: OriginalDeskParts) {
    this.#parts = parts;
    this.#queue = new EffectQueue<Plain>({
      save: (change) => parts.journal.save(change),
      perform: (effect) => this.#perform(effect),
      failed: (thrown) => parts.log.error({ err: thrown }, 'an effect could not be carried out'),
    });
  }

  /** What is to be done first after a start. */
  begin(): void {
    this.#push(this.#parts.control.begin(this.#parts.now()));
  }

  handle(event: OriginalEvent): void {
    try {
      this.#push(this.#parts.control.handle(event, this.#parts.now()));
    } catch (thrown) {
      this.#parts.log.error({ err: thrown, event: event.type }, 'the controller of the original failed');
      if (event.type === 'ask') this.#answer(event.client, failed(textOf(thrown)));
    }
  }

  /** Answers a client's question, now or later. */
  ask(client: string, question: Exclude<OriginalQuestion, { readonly name: 'PING' | 'LIST' }>): void {
    switch (question.name) {
      case 'CTRL_RUN':
      case 'CTRL_LIST_RUNS':
      case 'CTRL_STOP_RUN':
      case 'CTRL_AGENT_STATUS':
      case 'CTRL_AGENT_STOP':
      case 'CTRL_AGENT_QUIT':
      case 'CTRL_AGENT_RUN':
        this.handle({ type: 'ask', client, question, fresh: { run: randomUUID(), seed: randomInt(MAX_SEED) } });
        return;
      default:
        this.#begin(this.#lookUp(client, question));
    }
  }

  agents(): readonly SignedOn[] {
    return this.#parts.control.agents();
  }

  runOf(agent: string): string | null {
    return this.#parts.control.runOf(agent);
  }

  sent(run: string, agent: string): void {
    if (!this.#parts.control.isOldNews(run, agent)) this.handle({ type: 'sent', run, agent });
  }

  /** Resolves when nothing waits and everything begun is done. */
  async settled(): Promise<void> {
    await this.#queue.settled();
    await Promise.all(this.#background);
  }

  #push(effects: readonly OriginalEffect[]): void {
    this.#queue.push(
      effects.map((effect): QueuedEffect<Plain> => {
        if (effect.type === 'save') return { save: { key: effect.key, value: effect.value } };
        if (effect.type === 'delete') return { save: { key: effect.key, value: undefined } };
        return { perform: effect };
      }),
    );
  }

  #perform(effect: Plain): void {
    switch (effect.type) {
      case 'tell':
        this.#tell(effect);
        return;
      case 'answer':
        this.#answer(effect.client, effect.body);
        return;
      case 'open':
        this.#begin(this.#open(effect));
        return;
      case 'note':
        this.#begin(this.#note(effect));
        return;
      case 'end':
        this.#begin(this.#end(effect));
        return;
      case 'stop-native':
        this.#parts.stopNative(effect.run);
        return;
      case 'beat':
        this.#parts.beat(effect.text);
        return;
      case 'log':
        this.#parts.log[effect.level](effect.text);
    }
  }

  #begin(work: Promise<void>): void {
    const done = work
      .catch((thrown) => this.#parts.log.error({ err: thrown }, 'an effect could not be carried out'))
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  #tell({ agent, order, id, client }: Extract<Plain, { type: 'tell' }>): void {
    if (id === null) {
      this.#parts.tellOriginal(agent, order.command, this.#write(order), client);
      return;
    }
    try {
      this.#parts.tellNative(agent, order.command, { type: 'original', id, message: order as OriginalOrder });
    } catch (thrown) {
      this.handle({ type: 'reply', agent, id, answer: { error: textOf(thrown) } });
    }
  }

  #write(order: OrderBody): Buffer {
    const written = this.#written.get(order) ?? encodeOriginal(order);
    this.#written.set(order, written);
    return written;
  }

  #answer(client: string, body: OriginalAnswerBody): void {
    this.#parts.answer(client, encodeOriginal(body));
  }

  async #open({ run, metadata }: Extract<Plain, { type: 'open' }>): Promise<void> {
    let fault: string | null = null;
    try {
      if (encodeOriginal(metadata).byteLength > BOUNDS.controlBytes)
        throw new MusterError('MESSAGE_TOO_LARGE', `the arguments of a run are over ${BOUNDS.controlBytes} bytes`);
      await this.#parts.results.open(run, metadata);
      this.#parts.feed.began(run);
    } catch (thrown) {
      fault = textOf(thrown);
    }
    this.handle({ type: 'opened', run, fault });
  }

  async #note({ run, changes, reply }: Extract<Plain, { type: 'note' }>): Promise<void> {
    if (reply === null) {
      await this.#keep(run, changes);
      return;
    }
    try {
      await this.#parts.results.updateMetadata(run, changes);
      this.#answer(reply.client, reply.body);
    } catch (thrown) {
      this.#answer(reply.client, failed(textOf(thrown)));
    }
  }

  /** Keeps what a run came to, unless somebody deleted it, or it is one too many: nothing of it is kept then, now or later. */
  async #keep(run: string, changes: OriginalMetadata): Promise<void> {
    try {
      await this.#parts.results.updateMetadata(run, changes);
    } catch (thrown) {
      if (MusterError.from(thrown).code !== 'TOO_MANY_RUNS') throw thrown;
      this.#parts.log.warn(`nothing is kept of run ${run}: ${textOf(thrown)}`);
    }
  }

  /** The end is kept, and that observers are owed; then watchers hear of it, and observers are told beside. */
  async #end({ run, changes, observers }: Extract<Plain, { type: 'end' }>): Promise<void> {
    const { results, teller, log } = this.#parts;
    await untilDone(
      () => this.#keep(run, changes),
      (thrown) => log.error({ err: thrown }, `the end of run ${run} is not kept yet`),
    );
    if (observers.names.length > 0)
      await teller.owe({ run, dialect: 'original', choice: observers, end: await this.#endOf(run) });
    this.#parts.publish(encodeOriginal({ data_type: 'run-finished', run_id: run }));
    this.#parts.feed.finished(run);
    this.handle({ type: 'ended', run });
    await results.ended(run);
    teller.tell(run);
  }

  /** Its figures, taken while they are there: clients may delete a run that is over. Null: they can't be read. */
  async #endOf(run: string): Promise<RunEnd | null> {
    const { results, webRoot, log } = this.#parts;
    try {
      await results.flush();
      return originalEnd(run, await results.counts(run), await results.metadata(run), webRoot);
    } catch (thrown) {
      if (MusterError.from(thrown).code === 'CLOSED') throw thrown;
      log.error({ err: thrown }, `what run ${run} came to can't be read for its observers`);
      return null;
    }
  }

  async #lookUp(client: string, question: LookUp): Promise<void> {
    const { control, results, native, feed } = this.#parts;
    let payload: Buffer;
    try {
      payload = await lookUpOriginal(question, { results, native, feed, isActive: (run) => control.isActive(run) });
    } catch (thrown) {
      payload = encodeOriginal(failed(textOf(thrown)));
    }
    this.#parts.answer(client, payload);
  }
}

/** The text of a fault, without the code in front. */
const textOf = (thrown: unknown): string => MusterError.from(thrown).message.replace(/^\[\w+\] /, '');
