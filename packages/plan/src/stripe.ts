/** Which part of a schedule is somebody's: of indices 0, 1, 2, … every `period`th from `offset` on. */
export interface Stripe {
  readonly offset: number;
  readonly period: number;
}

/** Everything. */
export const WHOLE: Stripe = { offset: 0, period: 1 };

/** Agent `k` of `n` owns the indices i with i mod n = k; the union over the agents is exact without any talk. */
export const agentStripe = (agent: number, agents: number): Stripe => ({ offset: agent, period: agents });

/** Worker `j` of an agent's `w` owns every w-th of the agent's own indices. */
export const workerStripe = (of: Stripe, worker: number, workers: number): Stripe => ({
  offset: of.offset + of.period * worker,
  period: of.period * workers,
});

/** How many of the indices 0 … total − 1 are in the stripe. */
export const countIn = (stripe: Stripe, total: number): number =>
  total > stripe.offset ? Math.ceil((total - stripe.offset) / stripe.period) : 0;

/** The first index of the stripe that is not below `from`. */
export const firstIn = (stripe: Stripe, from: number): number =>
  from <= stripe.offset
    ? stripe.offset
    : stripe.offset + Math.ceil((from - stripe.offset) / stripe.period) * stripe.period;
