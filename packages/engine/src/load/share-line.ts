import { type PlanShape, type ResolvedScenario, type Stripe, shareOf } from '@muster/plan';

/** From an instant of the run on, this worker's stripe of a scenario; null: no part of it. */
export interface Share {
  readonly generation: number;
  readonly fromMs: number;
  readonly stripe: Stripe | null;
}

/** Who this worker is. */
export interface WorkerPlace {
  readonly agent: string;
  readonly worker: number;
  readonly workers: number;
}

/** What a worker has of one scenario over the plans of a run, in order. */
export class ShareLine {
  readonly #scenario: ResolvedScenario;
  readonly #place: WorkerPlace;
  readonly shares: Share[] = [];

  constructor(scenario: ResolvedScenario, place: WorkerPlace) {
    this.#scenario = scenario;
    this.#place = place;
  }

  /** A plan of generation 1 or higher. */
  add(plan: PlanShape): void {
    const { agent, worker, workers } = this.#place;
    const stripe = shareOf(plan, agent, worker, workers, this.#scenario.perAgent);
    this.shares.push({
      generation: plan.generation,
      fromMs: plan.fromMs,
      stripe,
    });
  }

  /** The share in force at an instant; the first one before its time, for users are made ahead. */
  at(runMs: number): Share | undefined {
    let found = this.shares[0];
    for (const share of this.shares) if (share.fromMs <= runMs) found = share;
    return found;
  }

  /** The next instant after this one at which the share changes; infinite when none is known. */
  nextChangeMs(runMs: number): number {
    return this.shares.find((share) => share.fromMs > runMs)?.fromMs ?? Number.POSITIVE_INFINITY;
  }
}
