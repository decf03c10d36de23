import type { ConnectionPool } from '../http/connection-pool.js';
import type { CookieJar } from '../http/cookie-jar.js';
import type { Exchange } from '../http/exchange.js';
import type { HttpUser, RecordedRequest } from '../http/http-user.js';
import type { Place } from '../record/place.js';
import type { VirtualUser } from './virtual-user.js';

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
