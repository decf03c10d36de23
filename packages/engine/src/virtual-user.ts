import type { Counter, Trend } from '@muster/metrics';
import { ConnectionPool } from './http/connection-pool.js';
import { CookieJar } from './http/cookie-jar.js';
import type { Exchange } from './http/exchange.js';
import type { HttpUser, RecordedRequest } from './http/http-user.js';
import type { Place, Recorder } from './recorder.js';

/** What a scenario gives its users. */
export interface ScenarioContext {
  readonly name: string;
  readonly executor: string;
  readonly recorder: Recorder;
  readonly tags: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** A pool that all users share, or null: each has its own. */
  readonly sharedPool: ConnectionPool | null;
  readonly keepCookies: boolean;
  /** Places by group, shared by all users without tags of their own. */
  readonly places: Map<string, Place>;
  readonly iterations: {
    readonly started: Counter;
    readonly completed: Counter;
    readonly failed: Counter;
    readonly interrupted: Counter;
    readonly duration: Trend;
    readonly lag: Trend;
  };
}

/** A virtual user: its connections, its cookies, and where it is. One iteration at a time. */
export class VirtualUser implements HttpUser {
  /** Unique in the cluster, from 1. */
  id: number;
  readonly idInInstance: number;
  readonly scenario: ScenarioContext;
  readonly connections: ConnectionPool;
  readonly jar = new CookieJar();
  readonly tags: Record<string, string> = {};
  cancelled = false;
  epoch = 0;
  /** Iterations begun, in this scenario. */
  iteration = -1;
  iterationInTest = 0;
  intendedMs = -1;
  iterationStartedMs = 0;
  group = '';
  #place: Place;
  #ownTags = false;

  constructor(id: number, idInInstance: number, scenario: ScenarioContext) {
    this.id = id;
    this.idInInstance = idInInstance;
    this.scenario = scenario;
    this.connections = scenario.sharedPool ?? new ConnectionPool();
    this.#place = this.#placeOf('');
  }

  get place(): Place {
    if (this.#ownTags || Object.keys(this.tags).length > 0) {
      this.#ownTags = true;
      return this.scenario.recorder.place(this.scenario.name, this.group, { ...this.scenario.tags, ...this.tags });
    }
    return this.#place;
  }

  #placeOf(group: string): Place {
    let place = this.scenario.places.get(group);
    if (place === undefined) {
      place = this.scenario.recorder.place(this.scenario.name, group, this.scenario.tags);
      this.scenario.places.set(group, place);
    }
    return place;
  }

  enter(group: string): void {
    this.group = group;
    this.#place = this.#placeOf(group);
  }

  /** A fresh iteration: no cookies of the last one, no group. */
  begin(intendedMs: number, startedMs: number, iterationInTest: number): void {
    this.iteration += 1;
    this.epoch += 1;
    this.iterationInTest = iterationInTest;
    this.intendedMs = intendedMs;
    this.iterationStartedMs = startedMs;
    if (this.group !== '') this.enter('');
    if (!this.scenario.keepCookies && !this.jar.empty) this.jar.clear();
  }

  record(exchange: Exchange, request: RecordedRequest): void {
    this.scenario.recorder.request(this.#ownTags ? this.place : this.#place, exchange, request, {
      intendedMs: this.intendedMs,
      iterationStartedMs: this.iterationStartedMs,
      vu: this.id,
      iteration: this.iteration,
    });
  }

  /** Cuts off what it does: connections are closed, nothing of the iteration goes on. */
  cancel(): void {
    this.cancelled = true;
    this.close();
  }

  close(): void {
    if (this.scenario.sharedPool !== null) return;
    this.connections.close();
  }
}
