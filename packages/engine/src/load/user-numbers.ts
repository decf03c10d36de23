import { maxVusOf, type ResolvedScenario } from '@muster/plan';

/**
 * Numbers of virtual users, unique in the whole cluster without talk. Within a plan the stripes give every user of a
 * scenario an index of its own; scenarios follow each other, and each later plan begins a range of its own, for users
 * of earlier plans keep their numbers.
 */
export class UserNumbers {
  readonly #firsts: ReadonlyMap<string, number>;
  readonly #total: number;
  readonly #perAgent: ReadonlyMap<string, number>;

  /** @param agentPlace this agent's place among the members of the first plan */
  constructor(scenarios: readonly ResolvedScenario[], agents: number, agentPlace: number) {
    const firsts = new Map<string, number>();
    const perAgent = new Map<string, number>();
    let next = 1;
    for (const scenario of scenarios) {
      const most = maxVusOf(scenario);
      firsts.set(scenario.name, next);
      perAgent.set(scenario.name, scenario.perAgent ? most * Math.max(0, agentPlace) : 0);
      next += scenario.perAgent ? most * agents : most;
    }
    this.#firsts = firsts;
    this.#perAgent = perAgent;
    this.#total = next - 1;
  }

  /** The number of a scenario's user with this index in the stripes of a plan. */
  of(scenario: string, generation: number, index: number): number {
    const first = (this.#firsts.get(scenario) ?? 1) + (this.#perAgent.get(scenario) ?? 0);
    return first + index + Math.max(0, generation - 1) * this.#total;
  }
}
