import { describe, expect, it } from 'vitest';
import { Turn } from '../supervisor/turn.js';
import type { MembershipEvent, OriginalPlace } from './events.js';
import { Membership } from './membership.js';

const place: OriginalPlace = {
  backend: 'tcp://127.0.0.1:1',
  receiver: 'tcp://127.0.0.1:2',
  register: 'tcp://127.0.0.1:3',
  heartbeat: 'tcp://127.0.0.1:4',
};

const stage = () => {
  const state = { busy: false, lost: 0, done: [] as string[] };
  const membership = new Membership(
    30_000,
    () => state.busy,
    () => {
      state.lost += 1;
    },
  );
  const turn = (nowMs: number, act: (turn: Turn) => void = () => undefined): void => {
    const now = new Turn(nowMs);
    act(now);
    membership.due(now);
    for (const effect of now.effects) if (effect.type === 'membership') state.done.push(effect.effect.type);
  };
  const handle = (nowMs: number, event: MembershipEvent) => turn(nowMs, (now) => membership.handle(now, event));
  return { state, membership, turn, handle };
};

describe('an agent at a broker of the original', () => {
  it('joins and registers, once, and again at each sign of the heartbeat and each new connection', () => {
    const { state, handle, turn } = stage();
    handle(0, { type: 'place', place });
    turn(1);
    expect(state.done).toEqual(['join', 'register']);
    handle(10_000, { type: 'beat' });
    handle(20_000, { type: 'again' });
    handle(21_000, { type: 'place', place });
    expect(state.done).toEqual(['join', 'register', 'register', 'register']);
  });

  it('does not register while it works: the broker would take it for idle; it does when it is idle again', () => {
    const { state, handle, turn } = stage();
    handle(0, { type: 'place', place });
    state.busy = true;
    handle(10_000, { type: 'beat' });
    expect(state.done).toEqual(['join', 'register']);
    state.busy = false;
    turn(11_000);
    expect(state.done).toEqual(['join', 'register', 'register']);
  });

  it('is lost with the heartbeat when idle, carries on when busy, and leaves when that is done', () => {
    const { state, membership, handle, turn } = stage();
    handle(0, { type: 'place', place });
    handle(10_000, { type: 'beat' });
    expect(membership.nextMs).toBe(40_000);
    turn(39_999);
    expect(state.lost).toBe(0);
    state.busy = true;
    turn(50_000);
    expect(state.lost).toBe(0);
    state.busy = false;
    turn(60_000);
    expect(state.lost).toBe(1);
  });

  it('can’t tell that a broker without a heartbeat is lost', () => {
    const { state, membership, handle, turn } = stage();
    handle(0, { type: 'place', place: { ...place, heartbeat: null } });
    turn(1e9);
    expect([state.lost, membership.nextMs]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  it('signs off once', () => {
    const { state, membership, handle, turn } = stage();
    turn(0, (now) => membership.leave(now));
    expect(state.done).toEqual([]);
    handle(0, { type: 'place', place });
    turn(1, (now) => membership.leave(now));
    turn(2, (now) => membership.leave(now));
    expect(state.done).toEqual(['join', 'register', 'unregister']);
  });
});
