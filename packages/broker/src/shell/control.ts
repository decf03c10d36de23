import { type BrokerMessage, type BundleHash, MusterError, type RunEvent, type RunId } from '@muster/protocol';
import type { BundleShelf } from '../bundles/bundle-shelf.js';
import type { Controller } from '../controller/controller.js';
import type { ControllerEffect, ControllerEvent, Instant } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import type { Journal } from '../journal/journal.js';
import type { Logger } from '../log.js';
import type { Teller } from '../observers/teller.js';
import type { ResultsPath } from '../results/results-path.js';
import type { Store } from '../store/store.js';
import { untilDone } from '../store/until-done.js';
import { EffectQueue, type QueuedEffect } from './effect-queue.js';
import { LookUps } from './look-ups.js';
import type { RunHistory } from './run-history.js';

/** What carries out the controller's effects. */
export interface ControlParts {
  readonly controller: Controller;
  readonly journal: Journal;
  readonly store: Store;
  readonly shelf: BundleShelf;
  readonly results: ResultsPath;
  readonly history: RunHistory;
  readonly teller: Teller;
  readonly log: Logger;
  readonly queryRows: number;
  /** How long a question to the store may take. */
  readonly queryMs: number;
  now(): Instant;
  tellAgent(agent: string, message: BrokerMessage): void;
  reply(client: string, id: string, result: unknown): void;
  fail(client: string, id: string, error: { readonly code: string; readonly message: string }): void;
  publish(event: RunEvent): void;
  /** For watchers of the original. */
  runFinished(run: string): void;
}

type Plain = Exclude<ControllerEffect, { type: 'save' | 'delete' }>;

/** To follow a run, and to begin one: refused while nothing can be saved. What was begun before goes on waiting for room. */
const REFUSED_IN_TROUBLE: ReadonlySet<string> = new Set(['attach', 'submit']);

/** The controller at work: events go in, its effects are carried out in order. */
export class Control {
  readonly #parts: ControlParts;
  readonly #queue: EffectQueue<Plain>;
  readonly #background = new Set<Promise<void>>();
  readonly #lookUps: LookUps;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#queue = new EffectQueue<Plain>({
      save: (change) => parts.journal.save(change),
      perform: (effect) => this.#perform(effect),
      failed: (thrown) => parts.log.error({ err: thrown }, 'an effect could not be carried out'),
    });
    this.#lookUps = new LookUps({
      store: parts.store,
      queryRows: parts.queryRows,
      queryMs: parts.queryMs,
      reply: parts.reply,
      fail: (client, id, error) => parts.fail(client, id, error.toWire()),
    });
  }

  /** What is to be done first after a start. */
  begin(): void {
    this.#push(this.#parts.controller.begin(this.#parts.now()));
  }

  /** Hands an event to the controller. A fault of ours in there is logged, and answered when somebody asked. */
  handle(event: ControllerEvent): void {
    const { trouble } = this.#parts.journal;
    if (trouble !== null && event.type === 'client' && REFUSED_IN_TROUBLE.has(event.message.type)) {
      // The answer would stand behind what can't be saved, and its client would take this broker for lost. Nothing has
      // come of these questions yet, and both are asked again.
      this.#parts.fail(event.client, event.message.id, trouble.toWire());
      return;
    }
    try {
      this.#push(this.#parts.controller.handle(event, this.#parts.now()));
    } catch (thrown) {
      this.#parts.log.error({ err: thrown, event: event.type }, 'the controller failed');
      if (event.type === 'client') this.#parts.fail(event.client, event.message.id, MusterError.from(thrown).toWire());
    }
  }

  /** A client does not wait for an answer any more. */
  giveUp(client: string, request: string): void {
    this.#lookUps.giveUp(client, request);
  }

  agents(): ReturnType<Controller['agents']> {
    return this.#parts.controller.agents();
  }

  /** Ids of the runs that are not finished. */
  runs(): readonly RunId[] {
    return this.#parts.controller.runs().map(({ id }) => id);
  }

  /** Resolves when nothing waits and everything begun is done. */
  async settled(): Promise<void> {
    await this.#queue.settled();
    await Promise.all(this.#background);
    await this.#parts.history.settled();
  }

  #push(effects: readonly ControllerEffect[]): void {
    this.#queue.push(
      effects.map((effect): QueuedEffect<Plain> => {
        if (effect.type === 'save') return { save: { key: effect.key, value: effect.value } };
        if (effect.type === 'delete') return { save: { key: effect.key, value: undefined } };
        return { perform: effect };
      }),
    );
  }

  #perform(effect: Plain): void {
    const { results, history, log } = this.#parts;
    switch (effect.type) {
      case 'send':
        this.#parts.tellAgent(effect.agent, effect.message);
        return;
      case 'answer':
        this.#parts.reply(effect.client, effect.id, effect.result);
        return;
      case 'refuse':
        this.#parts.fail(effect.client, effect.id, effect.error);
        return;
      case 'look-up':
        this.#begin(this.#lookUps.begin(effect.client, effect.message, effect.live));
        return;
      case 'piece':
        this.#begin(this.#piece(effect));
        return;
      case 'publish':
        history.event(effect.run, effect.event, this.#iso());
        this.#parts.publish(effect.event);
        return;
      case 'catalogue':
        history.note(effect.info);
        return;
      case 'open':
      case 'facts':
        results.open(effect.run);
        return;
      case 'count':
        this.#begin(results.count(effect.run));
        return;
      case 'summarise':
        this.#begin(results.summarise(effect.run));
        return;
      case 'conclude':
        this.#begin(this.#conclude(effect.run, effect.handleSummary));
        return;
      case 'log':
        log[effect.level](effect.text);
    }
  }

  #begin(work: Promise<void>): void {
    const done = work
      .catch((thrown) => this.#parts.log.error({ err: thrown }, 'an effect could not be carried out'))
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  async #piece({ agent, id, hash, offset }: Extract<Plain, { type: 'piece' }>): Promise<void> {
    try {
      const result = await this.#parts.shelf.get(hash as BundleHash, offset);
      this.#parts.tellAgent(agent, { type: 'reply', id, result });
    } catch (thrown) {
      this.#parts.tellAgent(agent, { type: 'reply', id, error: MusterError.from(thrown).toWire() });
    }
  }

  /**
   * The run is over: its end is kept, and that observers are owed; then the controller hears of it, and watchers. Observers
   * are told beside all that.
   */
  async #conclude(record: RunRecord, handleSummary: Readonly<Record<string, string>> | null): Promise<void> {
    const { store, history, results, teller, log } = this.#parts;
    const { id: run } = record;
    results.open(record);
    if (handleSummary !== null) {
      await untilDone(
        async () => {
          const found = await store.summary(run);
          if (found !== null) await store.putSummary(run, { ...found, handleSummary });
        },
        (thrown) => log.error({ err: thrown }, `what handleSummary of run ${run} made is not kept yet`),
      );
    }
    await history.conclude(record);
    const choice = { names: record.observers, options: record.observerOptions ?? {} };
    await teller.owe({ run, dialect: 'native', choice, end: null });
    this.handle({ type: 'concluded', run });
    this.#parts.runFinished(run);
    teller.tell(run);
  }

  #iso(): string {
    return new Date(this.#parts.now().wallMs).toISOString();
  }
}
