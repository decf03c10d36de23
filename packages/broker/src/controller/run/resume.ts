import type { Turn } from '../turn.js';
import { heldByAll } from './grants.js';
import type { Run } from './run.js';
import { askForFigures, askForSummary, authored, awaitStreams, conclude, cutShort } from './settling.js';

/**
 * Takes a run that an earlier broker left to its end. It can't be taken up again yet: if it has no verdict, its verdict
 * is that the broker was lost. One that has keeps it.
 */
export const resume = (run: Run, turn: Turn): void => {
  if (run.record.verdict === null && run.record.fault === null) {
    const message = 'the broker was restarted while the run went on';
    run.set({ fault: { code: 'BROKER_LOST', message, where: null } });
    run.event(turn, 'fault', message);
  }
  switch (run.record.step) {
    case 'collecting':
      awaitStreams(run, turn);
      return;
    case 'counting':
      askForFigures(run, turn);
      return;
    case 'summarising':
      askForSummary(run, turn);
      return;
    case 'authoring':
      authored(run, turn, null);
      return;
    case 'finished':
      conclude(run, turn);
      return;
    default:
      forgetUngranted(run);
      cutShort(run, turn);
  }
};

/** A plan that was chosen and not granted by the time the broker died is none: whoever went on went on by the one before. */
const forgetUngranted = (run: Run): void => {
  const held = Math.max(1, heldByAll(run.record));
  run.set({ plans: run.record.plans.filter((plan) => plan.generation <= held) });
};
