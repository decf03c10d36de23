import type { PlanShape, ResolvedOptions, ResolvedScenario } from '@muster/plan';
import { makeRun } from '../executors/index.js';
import type { GivenBlock, ScenarioRun } from '../executors/scenario-host.js';
import type { Pacer } from '../pace/pacer.js';
import type { Recorder } from '../record/recorder.js';
import type { AuthorFunction, IterationRunner } from './iteration-runner.js';
import type { LoadGate } from './load-gate.js';
import type { RunClock } from './run-clock.js';
import { ScenarioContext } from './scenario-context.js';
import { ShareLine, type WorkerPlace } from './share-line.js';
import type { UserCounts } from './user-counts.js';
import { UserNumbers } from './user-numbers.js';
import { VirtualUser } from './virtual-user.js';
import { Wait } from './waits.js';

export interface LoadPorts {
  readonly options: ResolvedOptions;
  readonly recorder: Recorder;
  readonly runner: IterationRunner;
  readonly gate: LoadGate;
  readonly clock: RunClock;
  readonly pacer: Pacer;
  readonly place: WorkerPlace;
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly counts: UserCounts;
  readonly functionOf: (name: string) => AuthorFunction;
  readonly claim: (scenario: string, count: number, confirmed: number) => Promise<GivenBlock>;
}

interface AtWork {
  readonly run: ScenarioRun;
  /** Wall clock, for people. */
  readonly startTime: number;
}

/** All scenarios of a run on this worker, from the start instant to the end of the last. */
export class ScenariosAtWork {
  readonly #ports: LoadPorts;
  readonly #shares: ReadonlyMap<string, ShareLine>;
  readonly #atWork = new Map<string, AtWork>();
  readonly #waits = new Set<Wait>();
  #numbers: UserNumbers | null = null;
  #stopped = false;

  constructor(ports: LoadPorts) {
    this.#ports = ports;
    this.#shares = new Map(ports.options.scenarios.map((each) => [each.name, new ShareLine(each, ports.place)]));
  }

  /** A plan of generation 1 or higher has come. */
  plan(plan: PlanShape): void {
    const { options, place } = this.#ports;
    this.#numbers ??= new UserNumbers(options.scenarios, plan.members.length, plan.members.indexOf(place.agent));
    for (const shares of this.#shares.values()) shares.add(plan);
    for (const { run } of this.#atWork.values()) run.replan();
  }

  stop(): void {
    this.#stopped = true;
    for (const { run } of this.#atWork.values()) run.stop();
    for (const wait of this.#waits) wait.wake();
  }

  /** Runs every scenario in its time; the start instant must be known. */
  async run(): Promise<void> {
    const ended = new Map<string, Promise<void>>();
    for (const scenario of this.#ports.options.scenarios) {
      const before = scenario.after === null ? undefined : ended.get(scenario.after);
      ended.set(scenario.name, this.#runOne(scenario, before));
    }
    await Promise.all(ended.values());
  }

  async #runOne(scenario: ResolvedScenario, before: Promise<void> | undefined): Promise<void> {
    await before;
    await this.until(scenario.startTimeMs);
    const context = this.#contextOf(scenario);
    const run = this.#makeRun(scenario, context);
    this.#atWork.set(scenario.name, { run, startTime: Date.now() });
    if (this.#stopped) run.stop();
    await run.run();
    context.sharedPool?.close();
  }

  /** Resolves at an instant of the run's clock, or when the run is stopped. */
  async until(runMs: number): Promise<void> {
    if (this.#stopped) return;
    const wait = new Wait();
    this.#waits.add(wait);
    await wait.until(this.#ports.clock.originMs + runMs);
    this.#waits.delete(wait);
  }

  #contextOf(scenario: ResolvedScenario): ScenarioContext {
    const { options, recorder, env, seed } = this.#ports;
    return new ScenarioContext(
      {
        name: scenario.name,
        executor: scenario.executor,
        tags: scenario.tags,
        env: { ...env, ...scenario.env },
        sharedConnections: options.connections === 'shared',
        keepCookies: options.noCookiesReset,
        keepConnections: !options.noVUConnectionReuse,
        seed,
      },
      recorder,
      options.tags,
    );
  }

  #makeRun(scenario: ResolvedScenario, context: ScenarioContext): ScenarioRun {
    const { runner, gate, clock, pacer, counts, claim, functionOf, options } = this.#ports;
    const { name } = scenario;
    return makeRun(scenario, {
      context,
      runner,
      gate,
      clock,
      pacer,
      shares: this.#shares.get(name) as ShareLine,
      fn: functionOf(scenario.exec),
      maxLatenessMs: options.maxLatenessMs,
      makeUser: (generation, index) =>
        new VirtualUser(this.#numbers?.of(name, generation, index) ?? index + 1, counts.make(), context),
      noteVus: (change) => counts.change(change),
      drop: (reason, count) => context.drop(reason, count),
      claim: (count, confirmed) => claim(name, count, confirmed),
    });
  }

  /** When a scenario began, as wall clock, and how far it is. */
  progressOf(name: string): {
    readonly startTime: number;
    readonly progress: number;
  } {
    const found = this.#atWork.get(name);
    return {
      startTime: found?.startTime ?? 0,
      progress: found?.run.progress() ?? 0,
    };
  }
}
