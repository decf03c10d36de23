import type { Effect } from '@muster/agent';
import type { ControllerEffect } from '@muster/broker/internal';
import type { BrokerMessage } from '@muster/protocol';
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

/** Longer than an agent may still load by the plan before. */
const TOO_EARLY_MS = 2_500;

/** What a further plan rests on is that everybody's right by the one before is over when it begins. */
const earlier = (message: BrokerMessage): BrokerMessage =>
  message.type === 'plan' && message.generation > 1
    ? { ...message, fromMs: Math.max(0, message.fromMs - TOO_EARLY_MS) }
    : message;

const isKept = (effect: ControllerEffect): boolean => effect.type === 'save' || effect.type === 'delete';

/** One fault for each invariant. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: 'the plan without a lost agent begins while that agent may still load',
    breaks: 'slots',
    cores: controllerThat((effects) =>
      effects.map((effect) => (effect.type === 'send' ? { ...effect, message: earlier(effect.message) } : effect)),
    ),
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
    name: 'a run that is over is kept in the journal, and ended again by the next broker',
    breaks: 'verdict',
    cores: controllerThat((effects) => effects.filter((effect) => effect.type !== 'delete')),
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
