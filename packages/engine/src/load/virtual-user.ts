import { ConnectionPool } from '../http/connection-pool.js';
import { CookieJar } from '../http/cookie-jar.js';
import type { Exchange } from '../http/exchange.js';
import type { HttpUser, RecordedRequest } from '../http/http-user.js';
import type { Place } from '../record/place.js';
import type { RowOrigin } from '../record/row-buffer.js';
import { UserSockets } from '../ws/user-sockets.js';
import { SeededRandom } from './random.js';
import type { ScenarioContext } from './scenario-context.js';
import { Wait } from './waits.js';

/** A virtual user: its connections, its cookies, its tags, and which iteration it is in. One iteration at a time. */
export class VirtualUser implements RowOrigin {
  /** Unique in the cluster, from 1; 0 for what runs outside of iterations (`setup`). */
  readonly id: number;
  readonly idInInstance: number;
  readonly scenario: ScenarioContext;
  /** Where code of an iteration begins. */
  readonly root: Frame;
  /** Cut off: nothing more may come of what it still does. */
  cancelled = false;
  /** Between the start and the end of an iteration; waits between iterations do not count. */
  inIteration = false;
  /** Iterations begun, less one. */
  iteration = -1;
  iterationInTest = 0;
  intendedUs = -1;
  iterationStartedMs = 0;
  /** Grows when the author changes the user's tags. */
  tagsVersion = 0;
  #jar: CookieJar | null = null;
  #pool: ConnectionPool | null = null;
  #sockets: UserSockets | null = null;
  #tags: Record<string, string> | null = null;
  #ownTags: Readonly<Record<string, string>> | null = null;
  #random: SeededRandom | null = null;
  #wait: Wait | null = null;

  constructor(id: number, idInInstance: number, scenario: ScenarioContext) {
    this.id = id;
    this.idInInstance = idInInstance;
    this.scenario = scenario;
    this.root = new Frame(this, '');
  }

  get connections(): ConnectionPool {
    this.#pool ??= this.scenario.sharedPool ?? new ConnectionPool();
    return this.#pool;
  }
  get jar(): CookieJar {
    this.#jar ??= new CookieJar();
    return this.#jar;
  }

  get sockets(): UserSockets {
    this.#sockets ??= new UserSockets();
    return this.#sockets;
  }
  /** It has had one: only then an iteration's end has to do with sockets. */
  get hasSockets(): boolean {
    return this.#sockets !== null;
  }

  /** Tags that everything this user measures carries; null without any. */
  get ownTags(): Readonly<Record<string, string>> | null {
    return this.#ownTags;
  }
  /** The author's view of them: what is set here holds from then on. */
  get tags(): Record<string, string> {
    this.#tags ??= this.#watchedTags();
    return this.#tags;
  }

  #watchedTags(): Record<string, string> {
    const changed = (tags: Readonly<Record<string, string>>): true => {
      this.tagsVersion += 1;
      this.#ownTags = Object.keys(tags).length === 0 ? null : { ...tags };
      return true;
    };
    return new Proxy<Record<string, string>>(
      {},
      {
        set: (tags, name, value) => {
          tags[String(name)] = String(value);
          return changed(tags);
        },
        deleteProperty: (tags, name) => {
          delete tags[String(name)];
          return changed(tags);
        },
      },
    );
  }

  /** This user's `Math.random`: repeats with the run's seed. */
  random(): number {
    this.#random ??= new SeededRandom(this.scenario.settings.seed, this.id);
    return this.#random.next();
  }
  reseed(seed: number): void {
    this.#random = new SeededRandom(seed);
  }

  /** Begins an iteration: no cookies of the last one, and new connections if the test wants that. */
  begin(intendedUs: number, startedMs: number, iterationInTest: number): void {
    this.iteration += 1;
    this.inIteration = true;
    this.iterationInTest = iterationInTest;
    this.intendedUs = intendedUs;
    this.iterationStartedMs = startedMs;
    const { keepCookies, keepConnections } = this.scenario.settings;
    if (!keepCookies && this.#jar !== null && !this.#jar.empty) this.#jar.clear();
    if (!keepConnections) this.#closeOwn();
  }

  /** Waits between iterations; ended early by {@link wake}. */
  pause(ms: number): Promise<void> {
    this.#wait ??= new Wait();
    return this.#wait.for(ms);
  }
  wake(): void {
    this.#wait?.wake();
  }

  /** Cuts off what it does: its connections are closed, and nothing of the iteration goes on. */
  cancel(): void {
    this.cancelled = true;
    this.close();
  }
  close(): void {
    this.#closeOwn();
    this.#sockets?.cutOff();
    this.wake();
  }

  #closeOwn(): void {
    if (this.scenario.sharedPool === null) this.#pool?.close();
  }
}

/**
 * Where the author's code is: which user it runs for, and in which group. Groups may run side by side in one iteration,
 * so the frame, not the user, is what goes with the code through its awaits. Kept by the user: one for each group.
 */
export class Frame implements HttpUser {
  readonly user: VirtualUser;
  /** `::outer::inner`, as in k6; empty outside of groups. */
  readonly group: string;
  #place: Place;
  #tagsVersion = 0;
  #inner: Map<string, Frame> | null = null;

  constructor(user: VirtualUser, group: string) {
    this.user = user;
    this.group = group;
    this.#place = user.scenario.place(group);
  }

  get connections(): ConnectionPool {
    return this.user.connections;
  }
  get jar(): CookieJar {
    return this.user.jar;
  }
  get cancelled(): boolean {
    return this.user.cancelled;
  }

  /** The place where things are measured now, with the user's own tags. */
  get place(): Place {
    const { user } = this;
    if (this.#tagsVersion !== user.tagsVersion) {
      this.#tagsVersion = user.tagsVersion;
      this.#place =
        user.ownTags === null ? user.scenario.place(this.group) : user.scenario.taggedPlace(this.group, user.ownTags);
    }
    return this.#place;
  }

  record(exchange: Exchange, request: RecordedRequest, expected: boolean): void {
    this.user.scenario.recorder.request(this.place, exchange, request, expected, this.user);
  }

  /** The frame of a group inside this one. */
  inside(name: string): Frame {
    this.#inner ??= new Map();
    let frame = this.#inner.get(name);
    if (frame === undefined) {
      frame = new Frame(this.user, `${this.group}::${name}`);
      this.#inner.set(name, frame);
    }
    return frame;
  }
}
