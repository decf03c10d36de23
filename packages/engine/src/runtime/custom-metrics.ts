import { BUILTIN, isMetricName, type MetricInfo, type MetricType } from '@muster/metrics';
import type { CustomMetric } from '@muster/script';
import type { Frame } from '../load/virtual-user.js';

/** A metric that the test declared. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly isTime: boolean;
}

type MetricConstructor = new (name: string, isTime?: boolean) => CustomMetric<never>;

/** Custom metrics: declared while the bundle is loaded, added to while users run. */
export class CustomMetrics {
  readonly #declared = new Map<string, DeclaredMetric>();
  readonly #here: () => Frame | undefined;
  #isOpen = true;

  /** @param here where the author's code is */
  constructor(here: () => Frame | undefined) {
    this.#here = here;
  }

  get declared(): readonly DeclaredMetric[] {
    return [...this.#declared.values()];
  }
  /** From now on a declaration is a mistake: other agents would not know the metric. */
  close(): void {
    this.#isOpen = false;
  }

  /** The class of a type, as tests construct it. */
  classOf(type: MetricType): MetricConstructor {
    const metrics = this;
    class Declared {
      readonly name: string;
      constructor(name: string, isTime = false) {
        metrics.#declare(name, type, isTime);
        this.name = name;
        const info: MetricInfo = {
          type,
          contains: isTime ? 'time' : 'default',
          unit: 'fixed',
        };
        Object.defineProperty(this, 'add', {
          value: (value: unknown, tags?: Readonly<Record<string, string>>) => metrics.#add(name, info, value, tags),
        });
      }
      declare add: (value: unknown, tags?: Readonly<Record<string, string>>) => void;
    }
    return Declared;
  }

  #declare(name: unknown, type: MetricType, isTime: boolean): void {
    if (typeof name !== 'string' || !isMetricName(name))
      throw new Error(`${JSON.stringify(name)} can't name a metric: use letters, digits, _ . and -`);
    if (BUILTIN[name] !== undefined) throw new Error(`"${name}" is a metric of Muster's own: choose another name`);
    const known = this.#declared.get(name);
    if (known === undefined && !this.#isOpen)
      throw new Error(`declare the metric "${name}" where the file is loaded, not inside a function`);
    if (known !== undefined && (known.type !== type || known.isTime !== isTime))
      throw new Error(`the metric "${name}" is declared as a ${known.type} already`);
    this.#declared.set(name, { name, type, isTime });
  }

  #add(name: string, info: MetricInfo, value: unknown, tags: Readonly<Record<string, string>> | undefined): void {
    const frame = this.#here();
    if (frame === undefined) throw new Error(`the metric "${name}" can only be added to inside a function of the test`);
    if (frame.cancelled) return;
    const nowMs = performance.now();
    const { recorder } = frame.user.scenario;
    recorder.touch(nowMs);
    const sink = frame.place.custom(name, info, tags);
    if (sink.type === 'rate') {
      sink.add(Boolean(value));
      return;
    }
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new Error(`the metric "${name}" takes numbers, not ${String(value)}`);
    if (sink.type === 'gauge') sink.add(value, recorder.runMs(nowMs));
    else if (sink.type === 'counter' && value < 0)
      throw new Error(`the counter "${name}" only grows: ${value} is below 0`);
    else sink.add(value);
    if (sink.type === 'counter')
      recorder.events?.add({ kind: 'count', vu: frame.user.id, iteration: frame.user.iteration, name, by: value });
  }
}
