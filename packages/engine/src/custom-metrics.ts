import type { MetricInfo, MetricType } from '@muster/metrics';
import type { VirtualUser } from './virtual-user.js';

/** A metric that the test declared. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly isTime: boolean;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/** Custom metrics: declared while the bundle is loaded, added to while users run. */
export class CustomMetrics {
  readonly declared: DeclaredMetric[] = [];
  #open = true;
  readonly #user: () => VirtualUser | null;
  readonly #runMs: () => number;
  readonly #reserved: (name: string) => boolean;

  constructor(ports: {
    readonly user: () => VirtualUser | null;
    readonly runMs: () => number;
    readonly reserved: (name: string) => boolean;
  }) {
    this.#user = ports.user;
    this.#runMs = ports.runMs;
    this.#reserved = ports.reserved;
  }

  /** From now on a declaration is a mistake: other agents would not know the metric. */
  close(): void {
    this.#open = false;
  }

  /** The class of a type, as tests construct it. */
  classOf(
    type: MetricType,
  ): new (
    name: string,
    isTime?: boolean,
  ) => { readonly name: string; add(value: number | boolean, tags?: Readonly<Record<string, string>>): void } {
    const declare = (name: unknown, isTime: boolean) => this.#declare(name, type, isTime);
    const add = (name: string, value: unknown, tags: Readonly<Record<string, string>> | undefined, isTime: boolean) =>
      this.#add(name, type, isTime, value, tags);
    return class {
      readonly name: string;
      readonly #isTime: boolean;
      constructor(name: string, isTime = false) {
        this.name = declare(name, isTime === true);
        this.#isTime = isTime === true;
      }
      add(value: number | boolean, tags?: Readonly<Record<string, string>>): void {
        add(this.name, value, tags, this.#isTime);
      }
    };
  }

  #declare(name: unknown, type: MetricType, isTime: boolean): string {
    if (typeof name !== 'string' || !NAME.test(name))
      throw new Error(`a metric's name has letters, digits, "_", "." and "-": ${JSON.stringify(name)} does not fit`);
    if (this.#reserved(name)) throw new Error(`"${name}" is a metric of Muster's own: choose another name`);
    const known = this.declared.find((each) => each.name === name);
    if (known !== undefined && known.type !== type) throw new Error(`the metric "${name}" is a ${known.type} already`);
    if (known === undefined && !this.#open)
      throw new Error(`declare the metric "${name}" when the file is loaded, not inside a function`);
    if (known === undefined) this.declared.push({ name, type, isTime });
    return name;
  }

  #add(
    name: string,
    type: MetricType,
    isTime: boolean,
    value: unknown,
    tags: Readonly<Record<string, string>> | undefined,
  ): void {
    const user = this.#user();
    if (user === null) throw new Error(`the metric "${name}" is added to outside an iteration`);
    if (user.cancelled) return;
    const { recorder } = user.scenario;
    recorder.tick();
    const info: MetricInfo = { type, contains: isTime ? 'time' : 'default', unit: 'fixed' };
    const { sink } = recorder.series.series(name, { ...user.place.tags, ...tags }, info);
    if (sink.type === 'rate') sink.add(Boolean(value));
    else if (typeof value !== 'number' || !Number.isFinite(value))
      throw new Error(`the metric "${name}" takes numbers, not ${String(value)}`);
    else if (sink.type === 'gauge') sink.add(value, this.#runMs());
    else if (sink.type === 'counter') {
      if (value < 0) throw new Error(`the counter "${name}" only grows: ${value} is below 0`);
      sink.add(value);
    } else sink.add(value);
  }
}
