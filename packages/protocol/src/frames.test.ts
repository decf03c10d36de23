import {
  batchFrames,
  clientQuestion,
  eventFrames,
  eventTopic,
  frontendAnswer,
  type MusterError,
  readAtAgent,
  readBackend,
  readClientAnswer,
  readEvent,
  readFrontend,
  readReceiver,
  readRegister,
  readSubscription,
  registerFrames,
  routeFrame,
  routeText,
  toAgent,
  toBroker,
  toOldestAgent,
} from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const body = Buffer.from('body');

describe('frames', () => {
  it('of the backend are 5 or 7 at the broker, and 4 or 6 at the agent', () => {
    const [, ...atAgent] = toAgent('agent', 'broker', body);
    expect(readAtAgent(atAgent)).toEqual({ broker: 'broker', client: null, payload: body });
    const [, ...forClient] = toAgent('agent', 'broker', body, '\u0000\u00ff1');
    expect(readAtAgent(forClient)).toMatchObject({ client: '\u0000\u00ff1' });
    expect(readBackend([routeFrame('agent'), ...toBroker('agent', body)])).toEqual({
      route: 'agent',
      agent: 'agent',
      client: null,
      payload: body,
    });
    expect(readBackend([routeFrame('agent'), ...toBroker('agent', body, 'c')])).toMatchObject({
      client: 'c',
      payload: body,
    });
  });

  it('of a question carry an empty one in front', () => {
    expect(readFrontend([routeFrame('r'), ...clientQuestion(body)])).toEqual({ route: 'r', payload: body });
    expect(readClientAnswer(clientQuestion(body))).toEqual(body);
  });

  it('of the backend are 4 where the agent has a REP, with whoever asked in them', () => {
    expect(toOldestAgent('agent', 'asker', body)).toEqual([
      routeFrame('agent'),
      routeFrame('asker'),
      Buffer.alloc(0),
      body,
    ]);
    expect(readBackend([routeFrame('agent'), routeFrame('\u0000\u00ff1'), Buffer.alloc(0), body])).toEqual({
      route: 'agent',
      agent: 'agent',
      client: '\u0000\u00ff1',
      payload: body,
    });
    expect(() => readBackend([routeFrame('agent'), Buffer.alloc(0), Buffer.alloc(0), body])).toThrow('4');
  });

  it('of an answer find the asker, whose id may be any bytes', () => {
    const route = routeText(Buffer.from([0, 0x80, 0xff, 0x0a, 0xc3]));
    const [id, ...rest] = frontendAnswer(route, body);
    expect(id).toEqual(Buffer.from([0, 0x80, 0xff, 0x0a, 0xc3]));
    expect(readClientAnswer(rest)).toEqual(body);
  });

  it('of register, receiver and events are read as they are built', () => {
    expect(readRegister(registerFrames('UNREGISTER', body))).toEqual({ verb: 'UNREGISTER', body });
    expect(readReceiver(batchFrames(body, body))).toEqual({ native: true, header: body, payload: body });
    expect(readReceiver([body])).toEqual({ native: false, body });
    expect(readEvent(eventFrames(eventTopic('r'), body))).toEqual({ topic: 'run.r', payload: body });
  });

  it('of a subscription say who listens to what', () => {
    expect(readSubscription([Buffer.from('\u0001run.r')])).toEqual({ subscribed: true, topic: 'run.r' });
    expect(readSubscription([Buffer.from('\u0000')])).toEqual({ subscribed: false, topic: '' });
    for (const other of [[], [body], [Buffer.alloc(0)], [Buffer.from([1]), body]])
      expect(readSubscription(other)).toBeNull();
  });

  it('that make no sense are refused, never worse', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
          { maxLength: 9 },
        ),
        (frames) => {
          for (const read of [
            readFrontend,
            readAtAgent,
            readBackend,
            readRegister,
            readReceiver,
            readEvent,
            readClientAnswer,
          ]) {
            try {
              read(frames);
            } catch (thrown) {
              expect((thrown as MusterError).code).toBe('BAD_FRAMES');
            }
          }
        },
      ),
    );
  });
});
