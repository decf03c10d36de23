import type { Counter, Tags, Trend } from '@muster/metrics';
import { ConnectionPool, MAX_IDLE_SHARED } from '../http/connection-pool.js';
import type { Place } from '../record/place.js';
import type { Recorder } from '../record/recorder.js';

/** What a scenario gives its users. */
export interface ScenarioSettings {
  readonly name: string;
  readonly executor: string;
  readonly tags: Tags;
  readonly env: Readonly<Record<string, string>>;
  /** One pool of connections for all users of the worker, in place of one for each. */
  readonly sharedConnections: boolean;
  /** `noCookiesReset`. */
  readonly keepCookies: boolean;
  /** `noVUConnectionReuse` turned round. */
  readonly keepConnections: boolean;
  readonly seed: number;
}

/** A scenario as its users see it: its settings, its places, the sinks of its iterations. */
export class ScenarioContext {
  readonly settings: ScenarioSettings;
  readonly recorder: Recorder;
  readonly sharedPool: ConnectionPool | null;
  readonly iterations: {
    readonly started: Counter;
    readonly completed: Counter;
    readonly failed: Counter;
    readonly interrupted: Counter;
    readonly duration: Trend;
    readonly lag: Trend;
  };
  readonly #tags: Tags;
  readonly #places = new Map<string, Place>();

  /** @param testTags tags of the whole test; the scenario's own win */
  constructor(settings: ScenarioSettings, recorder: Recorder, testTags: Tags) {
    this.settings = settings;
    this.recorder = recorder;
    this.sharedPool = settings.sharedConnections ? new ConnectionPool(MAX_IDLE_SHARED) : null;
    this.#tags = { ...testTags, ...settings.tags };
    const tags = this.tags;
    const { series } = recorder;
    this.iterations = {
      started: series.counter('iterations_started', tags),
      completed: series.counter('iterations', tags),
      failed: series.counter('iterations_failed', tags),
      interrupted: series.counter('iterations_interrupted', tags),
      duration: series.trend('iteration_duration', tags),
      lag: series.trend('iteration_lag', tags),
    };
  }

  get name(): string {
    return this.settings.name;
  }
  /** Tags of everything that is measured in this scenario, outside of groups. */
  get tags(): Tags {
    return this.name === '' ? this.#tags : { ...this.#tags, scenario: this.name };
  }

  /** The place of a group, shared by all users without tags of their own. */
  place(group: string): Place {
    let place = this.#places.get(group);
    if (place === undefined) {
      place = this.recorder.place(this.name, group, this.#tags);
      this.#places.set(group, place);
    }
    return place;
  }
  /** A place for a user with tags of its own; whoever asks keeps it. */
  taggedPlace(group: string, own: Tags): Place {
    return this.recorder.place(this.name, group, { ...this.#tags, ...own });
  }

  drop(reason: string, count: number): void {
    if (count <= 0) return;
    this.recorder.touch(performance.now());
    this.recorder.series.counter('dropped_iterations', { ...this.tags, reason }).add(count);
  }
}
