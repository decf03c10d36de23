import { randomBytes, randomUUID } from 'node:crypto';
import {
  type AgentMessage,
  agentId,
  type Endpoints,
  encodeNative,
  encodeOriginal,
  eventTopic,
  isLoopback,
  MusterError,
  machineMs,
  NATIVE_VERSIONS,
  type PingResult,
  parseEndpoint,
  type RunEvent,
  type RunId,
  type StreamId,
} from '@muster/protocol';
import { Registry } from '../controller/agents/registry.js';
import { Controller } from '../controller/controller.js';
import type { RunRecord } from '../controller/run-record.js';
import type { BoundEndpoints } from '../data-folder/kept-endpoints.js';
import type { Logger } from '../log.js';
import { originalObservers } from '../observers/loads-arguments.js';
import type { ObserverChoice } from '../observers/observer.js';
import type { ObserverBook } from '../observers/observer-book.js';
import type { Teller } from '../observers/teller.js';
import { type ResolvedBrokerOptions, SOCKETS, type SocketName } from '../options/broker-options.js';
import type { NativeRun } from '../original/control/control-config.js';
import { OriginalFeed } from '../original/feed/original-feed.js';
import { NativePublisher } from '../original/native/native-publisher.js';
import { NativeRuns } from '../original/native/native-runs.js';
import type { OriginalResults } from '../original/original-results.js';
import { BROKER_ID } from '../original/shell/broker-id.js';
import { OriginalSide } from '../original/shell/original-side.js';
import { StoredResults } from '../original/shell/stored-results.js';
import { ResultsPath } from '../results/results-path.js';
import { BROKER_VERSION } from '../version.js';
import { Backend } from './backend.js';
import { ClientBound } from './client-bound.js';
import { askDesk } from './client-desk.js';
import { Control } from './control.js';
import { DropLog } from './drop-log.js';
import { Frontend } from './frontend.js';
import { HeartbeatSocket } from './heartbeat-socket.js';
import { makeTeller } from './make-teller.js';
import { openState, type State } from './open-state.js';
import { Publisher } from './publisher.js';
import { ReceiverGate } from './receiver-gate.js';
import { RunHistory } from './run-history.js';
import { advertised, bindSockets, closeSockets, openSockets, type Sockets } from './sockets.js';
import { within } from './within.js';

/** How often the controller looks who has gone silent. */
const SWEEP_MS = 100;
/** What waits when the broker is closed gets so long. */
const CLOSE_MS = 5_000;

/** What is not JSON is published to nobody. */
const OPENING_BRACE = 0x7b;

/** The broker itself, asking its controller as a client does. */
const NOBODY = '';

/** The broker's sockets, stores and clocks around its cores. */
export class BrokerShell {
  readonly boot = randomBytes(16).toString('hex');
  readonly #options: ResolvedBrokerOptions;
  readonly #log: Logger;
  readonly #drops: DropLog;
  readonly #state: State;
  readonly #gate = new ReceiverGate(SWEEP_MS);
  readonly #clients: ClientBound;
  readonly #history: RunHistory;
  readonly #results: ResultsPath;
  readonly #registry: Registry;
  readonly #originalResults: OriginalResults;
  readonly #publisher = new Publisher((payload) => this.#sockets.publisher.send([payload]));
  readonly #nativePublisher: NativePublisher;
  readonly #originalFeed: OriginalFeed;
  readonly #heartbeat: HeartbeatSocket;
  readonly #frontend: Frontend;
  readonly #backend: Backend;
  readonly #sockets: Sockets;
  readonly #observers: ObserverBook;
  readonly #teller: Teller;
  #control: Control | null = null;
  #original: OriginalSide | null = null;
  #endpoints: Endpoints;
  #sweep: NodeJS.Timeout | undefined;
  #closing: Promise<void> | null = null;

  private constructor(options: ResolvedBrokerOptions, observers: ObserverBook, state: State, log: Logger) {
    this.#options = options;
    this.#observers = observers;
    this.#state = state;
    this.#log = log;
    this.#endpoints = options.bind;
    this.#drops = new DropLog(log, machineMs);
    this.#clients = new ClientBound(options.limits.clients, machineMs);
    this.#registry = new Registry(options.limits.agents);
    this.#heartbeat = new HeartbeatSocket(options.heartbeat);
    this.#originalResults = new StoredResults(state.rows, {
      presence: () => this.#original?.presence ?? null,
      dropped: (why) => this.#drops.drop('receiver', why),
      room: () => (state.store.queuedBytes < options.limits.storeQueueBytes ? undefined : state.store.room()),
    });
    this.#history = new RunHistory(state.store, (what, err) => log.error({ err }, `${what} could not be kept`));
    this.#teller = makeTeller({
      options: options.observers,
      book: observers,
      state,
      history: this.#history,
      originalResults: this.#originalResults,
      log,
    });
    this.#backend = new Backend(
      {
        send: (frames) => this.#sockets.backend.send(frames),
        said: (agent, message) => this.#said(agent, message),
        answered: (agent, client, payload) => this.#original?.answered(agent, client, payload),
        register: (frames) => this.#original?.register(frames),
        dropped: (why) => this.#drops.drop('backend', why),
      },
      BROKER_ID,
    );
    this.#frontend = new Frontend(
      {
        send: (frames) => this.#sockets.frontend.send(frames),
        ask: (client, message) =>
          askDesk(
            {
              shelf: state.shelf,
              ping: () => this.#ping(),
              handle: (event) => this.#ready().handle(event),
              giveUp: (route, request) => this.#control?.giveUp(route, request),
              reply: (route, id, result) => this.#frontend.reply(route, id, result),
              fail: (route, id, error) => this.#frontend.fail(route, id, error.toWire()),
            },
            client,
            message,
          ),
        askOriginal: (route, question) => {
          if (this.#original === null || this.#closing !== null)
            this.#frontend.answerOriginal(route, encodeOriginal({ error: 'the broker is starting or stopping' }));
          else this.#original.ask(route, question);
        },
        admits: (route) => this.#clients.admits(route),
        dropped: (why) => this.#drops.drop('frontend', why),
      },
      {
        endpoints: () => this.#endpoints,
        version: () => BROKER_VERSION,
        agents: () => this.#original?.agents() ?? [],
      },
    );
    this.#originalFeed = new OriginalFeed({
      boot: this.boot,
      results: this.#originalResults,
      runOf: (agent) => this.#original?.presence.runOf(agent) ?? null,
      send: (frames) => this.#sockets.events.send(frames),
    });
    this.#nativePublisher = new NativePublisher({
      watched: () => this.#publisher.isWatched,
      publish: (payload) => this.#publisher.publish(payload),
      now: machineMs,
    });
    this.#results = new ResultsPath({
      store: state.store,
      port: {
        ack: (agent, stream, upTo) => this.#backend.tell(agent, { type: 'ack', stream: stream as StreamId, upTo }),
        resend: (agent, stream, from) =>
          this.#backend.tell(agent, { type: 'resend', stream: stream as StreamId, from }),
        tell: (event) => this.#control?.handle(event),
        merged: (record, header, content, payload) => this.#nativePublisher.merged(record, header, content, payload),
        dropped: (why) => this.#drops.drop('receiver', why),
        failed: (what, err) => log.error({ err }, what),
        now: machineMs,
      },
      maxSeries: options.limits.series,
      heldBytes: options.limits.storeQueueBytes,
    });
    this.#sockets = this.#openSockets();
  }

  /** Opens what the folder holds, binds, and goes on where the last broker ended. */
  static async start(
    options: ResolvedBrokerOptions,
    observers: ObserverBook,
    folder: string,
    wanted: BoundEndpoints,
    log: Logger,
  ): Promise<{ readonly shell: BrokerShell; readonly bound: BoundEndpoints }> {
    const started: { shell: BrokerShell | null } = { shell: null };
    const state = await openState(folder, options, log, (text) => started.shell?.noteInRuns(text));
    const shell = new BrokerShell(options, observers, state, log);
    started.shell = shell;
    try {
      return { shell, bound: await shell.#start(wanted) };
    } catch (thrown) {
      await shell.close();
      throw thrown;
    }
  }

  get endpoints(): Endpoints {
    return this.#endpoints;
  }

  async #start(wanted: BoundEndpoints): Promise<BoundEndpoints> {
    // The frontend comes last: whoever is answered there finds everything else.
    const quiet = await bindSockets(this.#sockets, ['publisher', 'events', 'register', 'receiver'], wanted);
    const heartbeat = await this.#heartbeat.bind(this.#options.advertise);
    const { receiver } = advertised({ ...wanted, ...quiet }, this.#options.advertise);
    const controller = this.#makeController(receiver);
    this.#control = this.#makeControl(controller);
    this.#original = this.#makeOriginal(controller, receiver);
    this.#control.begin();
    this.#original.begin();
    this.#teller.begin();
    this.#gate.begin();
    const asked = await bindSockets(this.#sockets, ['backend', 'frontend'], wanted);
    const bound = { ...wanted, ...quiet, ...asked };
    this.#endpoints = { ...advertised(bound, this.#options.advertise), ...heartbeat };
    this.#sweep = setInterval(() => this.#tick(), SWEEP_MS);
    return bound;
  }

  #makeController(receiver: string): Controller {
    const { times, limits } = this.#options;
    const config = {
      boot: this.boot,
      version: BROKER_VERSION,
      receiver,
      ...times,
      maxRuns: limits.runs,
      maxAgents: limits.agents,
      refuseObservers: (choice: ObserverChoice) => this.#observers.refusal(choice),
    };
    return new Controller(config, this.#state.saved, this.#registry);
  }

  #makeOriginal(controller: Controller, receiver: string): OriginalSide {
    const { limits, original, heartbeat } = this.#options;
    return new OriginalSide({
      config: {
        boot: this.boot,
        receiver,
        heartbeat: heartbeat !== null,
        ...original,
        maxRuns: limits.runs,
        maxAgents: limits.agents,
        observers: originalObservers(this.#observers),
        nativeRuns: () =>
          controller
            .runs()
            .filter(({ step }) => step !== 'finished')
            .map(asNativeRun),
      },
      registry: this.#registry,
      saved: this.#state.saved,
      results: this.#originalResults,
      native: new NativeRuns({
        live: () => controller.runs(),
        store: this.#state.store,
        look: (run) => this.#results.look(run),
      }),
      feed: this.#originalFeed,
      teller: this.#teller,
      webRoot: this.#options.observers.webRoot,
      journal: this.#state.journal,
      log: this.#log,
      now: () => ({ nowMs: machineMs(), wallMs: Date.now() }),
      send: (frames) => this.#sockets.backend.send(frames),
      answer: (client, payload) => this.#frontend.answerOriginal(client, payload),
      publish: (payload) => this.#publisher.publish(payload),
      beat: (text) => this.#heartbeat.say(text),
      stopNative: (run) => {
        const reason = 'stopped by a client of the original';
        const message = { type: 'stop', id: randomUUID(), run: run as RunId, reason, force: false } as const;
        this.#control?.handle({ type: 'client', client: NOBODY, message });
      },
      dropped: (why) => this.#drops.drop('agents of the original', why),
    });
  }

  #makeControl(controller: Controller): Control {
    const { limits } = this.#options;
    return new Control({
      controller,
      ...this.#state,
      results: this.#results,
      history: this.#history,
      teller: this.#teller,
      log: this.#log,
      queryRows: limits.queryRows,
      queryMs: limits.queryMs,
      now: () => ({ nowMs: machineMs(), wallMs: Date.now() }),
      tellAgent: (agent, message) => this.#backend.tell(agent, message),
      reply: (client, id, result) => {
        if (client !== NOBODY) this.#frontend.reply(client, id, result);
      },
      fail: (client, id, error) => {
        if (client !== NOBODY) this.#frontend.fail(client, id, error);
      },
      publish: (event) => this.#publish(event),
      runFinished: (run) => {
        this.#nativePublisher.finished(run);
        if (this.#publisher.isWatched)
          this.#publisher.publish(encodeOriginal({ data_type: 'run-finished', run_id: run }));
      },
    });
  }

  #ready(): Control {
    if (this.#control === null || this.#closing !== null)
      throw new MusterError('CLOSED', 'the broker is starting or stopping');
    return this.#control;
  }

  #openSockets(): Sockets {
    return openSockets(this.#options.limits.publisherQueue, {
      frontend: (frames) => this.#frontend.receive(frames),
      backend: (frames) => this.#backend.receive(frames),
      register: (frames) => this.#original?.register(frames),
      receiver: (frames) => this.#receive(frames),
      publisher: (frames) => this.#publisher.subscription(frames),
      events: (frames) => this.#originalFeed.subscription(frames),
      unsent: (socket, frames, why) => {
        if (socket === 'backend' && this.#original?.unsent(frames) === true) return;
        if (socket === 'publisher') this.#drops.drop(socket, `a message for watchers: ${why}`);
        else this.#log.debug({ socket, why }, 'a message could not be sent');
      },
      fault: (socket, err) => this.#log.error({ socket, err }, 'a message could not be handled'),
    });
  }

  #receive(frames: readonly Buffer[]): void | Promise<void> {
    const opening = this.#gate.opening();
    if (opening !== undefined) return opening.then(() => this.#receive(frames));
    const [row] = frames;
    return frames.length === 1 && row !== undefined ? this.#row(row) : this.#results.receive(frames);
  }

  /** A row or a batch of the original: to watchers byte for byte, then to be kept. */
  #row(body: Buffer): void | Promise<void> {
    if (body[0] === OPENING_BRACE) this.#publisher.publish(body);
    return this.#originalFeed.take(body);
  }

  #said(agent: string, message: AgentMessage): void {
    if (message.type === 'hello' && agentId(message.node, message.boot) === agent)
      this.#results.holds(
        agent,
        message.streams.map(({ stream }) => stream),
      );
    this.#ready().handle({ type: 'agent', agent, message });
    this.#original?.said(agent, message);
  }

  /** Writes something that concerns everybody into the history of every run that goes on. */
  noteInRuns(text: string): void {
    for (const run of this.#control?.runs() ?? []) {
      const message = { type: 'annotate', id: 'broker', run, text } as const;
      this.#control?.handle({ type: 'client', client: NOBODY, message });
    }
  }

  #publish(event: RunEvent): void {
    this.#sockets.events.send([eventTopic(event.run), encodeNative(event)]);
  }

  #tick(): void {
    this.#gate.tick(machineMs());
    this.#control?.handle({ type: 'sweep' });
    this.#original?.tick();
    this.#results.tick();
    this.#nativePublisher.tick();
  }

  #ping(): PingResult {
    return {
      pid: process.pid,
      boot: this.boot,
      version: BROKER_VERSION,
      native: NATIVE_VERSIONS,
      endpoints: this.#endpoints,
      agents: this.#control?.agents().filter(({ state }) => state !== 'lost').length ?? 0,
      clockMs: machineMs(),
      limits: this.#options.limits,
      security: {
        keys: false,
        loopbackOnly: SOCKETS.every((name: SocketName) => isLoopback(parseEndpoint(this.#endpoints[name]))),
      },
    };
  }

  /** Answers what is under way, stores what came, and lets go of everything. What agents still hold they send again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#gate.end();
    await within(CLOSE_MS, this.#control?.settled() ?? Promise.resolve());
    await within(CLOSE_MS, this.#original?.settled() ?? Promise.resolve());
    await Promise.all([closeSockets(this.#sockets), this.#heartbeat.close()]);
    this.#teller.close();
    await within(CLOSE_MS, this.#teller.settled());
    await within(CLOSE_MS, this.#history.settled());
    await within(CLOSE_MS, this.#originalResults.flush());
    await this.#state.store.close();
    await this.#state.journal.close();
  }
}

/** A run of ours as clients of the original see it. */
const asNativeRun = ({ id, members, submittedAt }: RunRecord): NativeRun => ({
  id,
  agents: members.filter(({ lost }) => !lost).map((member) => member.id),
  since: Date.parse(submittedAt) / 1_000,
});
