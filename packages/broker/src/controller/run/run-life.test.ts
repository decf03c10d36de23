import { RUN_STATES } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { after, type Happening, isLoading, isOver, isPreparing, type Step, stateOf } from './run-life.js';

const HAPPENINGS: readonly Happening[] = [
  'prepared',
  'ready',
  'begun',
  'stop',
  'over',
  'cut',
  'gathered',
  'counted',
  'summarised',
  'authored',
];
const STEPS: readonly Step[] = [
  'loading',
  'making',
  'waiting',
  'running',
  'stopping',
  'collecting',
  'counting',
  'summarising',
  'authoring',
  'finished',
];
/** Everything that may follow; what is not here changes nothing. */
const TABLE: readonly (readonly [Step, Happening, Step])[] = [
  ['loading', 'prepared', 'making'],
  ['loading', 'cut', 'collecting'],
  ['making', 'ready', 'waiting'],
  ['making', 'cut', 'collecting'],
  ['waiting', 'begun', 'running'],
  ['waiting', 'stop', 'stopping'],
  ['waiting', 'over', 'collecting'],
  ['waiting', 'cut', 'collecting'],
  ['running', 'stop', 'stopping'],
  ['running', 'over', 'collecting'],
  ['running', 'cut', 'collecting'],
  ['stopping', 'over', 'collecting'],
  ['stopping', 'cut', 'collecting'],
  ['collecting', 'gathered', 'counting'],
  ['counting', 'counted', 'summarising'],
  ['summarising', 'summarised', 'authoring'],
  ['authoring', 'authored', 'finished'],
];

describe("a run's life", () => {
  it.each(STEPS.flatMap((step) => HAPPENINGS.map((happening) => [step, happening] as const)))(
    'goes on from %s by "%s" only where the table says so',
    (step, happening) => {
      const row = TABLE.find(([from, by]) => from === step && by === happening);
      expect(after(step, happening)).toBe(row?.[2] ?? null);
    },
  );

  it('never goes back to a state that clients have seen the end of', () => {
    for (const [from, , to] of TABLE)
      expect(RUN_STATES.indexOf(stateOf(to))).toBeGreaterThanOrEqual(RUN_STATES.indexOf(stateOf(from)));
  });

  it('is at every step preparing, loading or over, and never two of these', () => {
    for (const step of STEPS)
      expect([isPreparing(step), isLoading(step), isOver(step)].filter(Boolean)).toHaveLength(1);
  });

  it('reaches its end from every step, by a way that nobody else need go along with', () => {
    for (const step of STEPS) {
      let at: Step = step;
      for (const happening of ['cut', 'gathered', 'counted', 'summarised', 'authored'] as const)
        at = after(at, happening) ?? at;
      expect(at).toBe('finished');
    }
  });
});
