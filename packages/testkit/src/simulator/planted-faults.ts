import type { Effect } from '@muster/agent';
import type { ControllerEffect, RunRecord, SavedState } from '@muster/broker/internal';
import { type ControllerCore, type Cores, type LedgerCore, REAL_CORES, type SupervisorCore } from './cores.js';
import type { Invariant } from './truth.js';

/** A mistake in a core, made by changing what comes out of the real one: the simulator must find it. */
export interface PlantedFault {
  readonly name: string;
  readonly breaks: Invariant;
  readonly cores: Cores;
}

const controllerThat = (change: (effects: readonly ControllerEffect[]) => readonly ControllerEffect[]): Cores => ({
  ...REAL_CORES,
  controller: (config, saved): ControllerCore => {
    const core = REAL_CORES.controller(config, saved);
    return {
      begin: (at) => change(core.begin(at)),
      handle: (event, at) => change(core.handle(event, at)),
      runs: () => core.runs(),
    };
  },
});

const supervisorThat = (change: (effects: readonly Effect[]) => readonly Effect[]): Cores => ({
  ...REAL_CORES,
  supervisor: (config, saved): SupervisorCore => {
    const core = REAL_CORES.supervisor(config, saved);
    return { handle: (event, nowMs) => change(core.handle(event, nowMs)) };
  },
});

const ledgerThat = (change: (core: LedgerCore) => Pick<LedgerCore, 'take'>): Cores => ({
  ...REAL_CORES,
  ledger: (stored, closed): LedgerCore => {
    const core = REAL_CORES.ledger(stored, closed);
    const { take } = change(core);
    return {
      get closed() {
        return core.closed;
      },
      get next() {
        return core.next;
      },
      take,
      committed: (number) => core.committed(number),
    };
  },
});

/** An agent that puts itself first among the members of a further plan: all of them take the first stripe. */
const selfFirst: Cores['supervisor'] = (config, saved) => {
  const core = REAL_CORES.supervisor(config, saved);
  const id: string = config.agent;
  const misread = (effect: Effect): Effect =>
    effect.type === 'worker.order' && effect.order.type === 'plan' && effect.order.generation > 1
      ? { ...effect, order: { ...effect.order, members: [id, ...effect.order.members.filter((each) => each !== id)] } }
      : effect;
  return { handle: (event, nowMs) => core.handle(event, nowMs).map(misread) };
};

/** What a broker finds that forgets how far a run was whose verdict is settled. */
const unsettled = (saved: SavedState): SavedState =>
  Object.fromEntries(
    Object.entries(saved).map(([key, value]) => [
      key,
      key.startsWith('run/') && isSettled(value)
        ? { ...value, step: 'collecting', verdict: null, exitCode: null, reason: null }
        : value,
    ]),
  );
const isSettled = (value: unknown): value is Pick<RunRecord, 'verdict'> =>
  typeof value === 'object' && value !== null && 'verdict' in value && value.verdict !== null;

const isKept = (effect: ControllerEffect): boolean => effect.type === 'save' || effect.type === 'delete';

/** One fault for each invariant. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: 'an agent takes the first stripe of a further plan, whatever its place',
    breaks: 'slots',
    cores: { ...REAL_CORES, supervisor: selfFirst },
  },
  {
    name: 'an agent tells its workers a longer right to load than it has',
    breaks: 'right',
    cores: supervisorThat((effects) =>
      effects.map((effect) => (effect.type === 'workers.grant' ? { ...effect, until: effect.until + 1_500 } : effect)),
    ),
  },
  {
    name: 'a batch that fills a gap is acknowledged and not stored',
    breaks: 'batches',
    cores: ledgerThat((core) => ({
      take: (number, last) => {
        const decision = core.take(number, last);
        return decision.do === 'commit' && core.next !== null ? { do: 'ack', upTo: core.committed(number) } : decision;
      },
    })),
  },
  {
    name: 'a broker that starts again judges anew a run whose verdict was settled',
    breaks: 'verdict',
    cores: { ...REAL_CORES, controller: (config, saved) => REAL_CORES.controller(config, unsettled(saved)) },
  },
  {
    name: 'a message leaves before what it rests on is saved',
    breaks: 'saved',
    cores: controllerThat((effects) => [
      ...effects.filter((effect) => !isKept(effect)),
      ...effects.filter((effect) => isKept(effect)),
    ]),
  },
];
