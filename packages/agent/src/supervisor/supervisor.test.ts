import { decodeNative, EndPayload } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { AGENT, BROKER_BOOT, exitOf, OTHER_RUN, RUN, STREAM, Stage } from '../../test/support/stage.js';

describe('a run on an agent', () => {
  it('goes from prepare to slot.released, message by message', () => {
    const stage = new Stage().signedOn();
    expect(stage.view).toMatchObject({ link: 'up', run: null });
    stage.prepare();
    expect(stage.last('prepared')).toMatchObject({ run: RUN, functions: ['default'], options: { vus: 1 } });
    stage.plan(0);
    expect(stage.last('plan.ack')).toMatchObject({ generation: 0 });
    expect(stage.ordered('plan').map(({ worker }) => worker)).toEqual([0, 1]);
    expect(stage.last('ready')).toEqual({ type: 'ready', run: RUN });
    stage.plan(1);
    expect(stage.last('plan.ack')).toMatchObject({ generation: 1 });
    expect(stage.view.run).toEqual({ id: RUN, state: 'running', generation: 1 });
    stage.news(0, { type: 'started', atMs: 0.5 }).news(1, { type: 'started', atMs: 0.7 });
    expect(stage.sent('started')).toEqual([{ type: 'started', run: RUN, atMs: 0.5 }]);
    stage.window(0, 0, new Uint8Array([9])).window(1, 0);
    stage.news(0, { type: 'done', outcome: 'done' });
    expect(stage.sent('finished')).toEqual([]);
    stage.news(1, { type: 'done', outcome: 'done' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'done', streams: [{ stream: STREAM, last: 3 }] });
    const batches = stage.kept.get(STREAM) ?? [];
    expect(batches.map(({ header }) => [header.number, header.kind, header.worker, header.last])).toEqual([
      [0, 'window', 0, false],
      [1, 'samples', 0, false],
      [2, 'window', 1, false],
      [3, 'end', 0, true],
    ]);
    expect(stage.pushed.map(({ header }) => header.number)).toEqual([0, 1, 2, 3]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 3 });
    expect(stage.done('outbox.delete')).toEqual([{ type: 'outbox.delete', stream: STREAM }]);
    expect(stage.sent('slot.released')).toEqual([]);
    stage.say({ type: 'forget', run: RUN });
    expect(stage.last('slot.released')).toEqual({ type: 'slot.released', run: RUN });
    expect(stage.view).toMatchObject({ run: null, heldBytes: 0 });
    stage.prepare(OTHER_RUN);
    expect(stage.last('prepared')).toMatchObject({ run: OTHER_RUN });
  });
});
void [decodeNative, EndPayload, AGENT, BROKER_BOOT, exitOf];
