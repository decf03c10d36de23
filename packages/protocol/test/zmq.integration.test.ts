import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSocket, type Socket, type SocketKind, type SocketOptions } from '@muster/protocol/zmq';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const opened: Socket[] = [];
const open = (kind: SocketKind, options?: SocketOptions): Socket => {
  const socket = openSocket(kind, options);
  opened.push(socket);
  return socket;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((socket) => socket.close()));
});
const texts = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString());
const ANY = 'tcp://127.0.0.1:*';

let folder: string;
let paths = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-zmq-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
/** An endpoint that nobody has, and nobody else can take: a port that is let go may be another process's the next moment. */
const ownEndpoint = (): string => {
  paths += 1;
  return `ipc://${join(folder, String(paths))}`;
};

describe('a wrapped socket', () => {
  it('asks and is answered, with thousands of questions in flight', async () => {
    // A ROUTER gives up what its peer has no room for: here there is room for all.
    const router = open('router', { highWaterMark: 10_000, onMessage: (frames) => router.send(frames) });
    const endpoint = await router.bind(ANY);
    const answers: string[] = [];
    await new Promise<void>((done) => {
      const dealer = open('dealer', {
        highWaterMark: 10_000,
        onMessage: (frames) => {
          answers.push(texts(frames).join());
          if (answers.length === 5_000) done();
        },
      });
      dealer.connect(endpoint);
      for (let n = 0; n < 5_000; n += 1) dealer.send(['', String(n)]);
    });
    expect(answers).toEqual(Array.from({ length: 5_000 }, (_, n) => `,${n}`));
  });

  it('pushes to a pull that comes later, also while that is binding', async () => {
    const endpoint = ownEndpoint();
    const push = open('push');
    push.connect(endpoint);
    push.send(['early']);
    const got = await new Promise<string[]>((done) => {
      const pull = open('pull', { onMessage: (frames) => done(texts(frames)) });
      void pull.bind(endpoint);
    });
    expect(got).toEqual(['early']);
  });

  it('sends what was given to it while it was binding', async () => {
    const why = await new Promise<string>((done) => {
      const router = open('router', { onUnsent: (_, reason) => done(reason) });
      void router.bind(ANY);
      router.send(['nobody', '', 'x']);
    });
    expect(why).toBe('EHOSTUNREACH');
  });

  it('says which address is taken, and which is none', async () => {
    const endpoint = await open('pull').bind(ANY);
    await expect(open('pull').bind(endpoint)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await expect(open('pull').bind('tcp://203.0.113.1:1')).rejects.toMatchObject({ code: 'BAD_ENDPOINT' });
    expect(() => open('push').connect('nonsense')).toThrow('[BAD_ENDPOINT]');
  });

  it('gives a peer that comes back under its id the place of the old one', async () => {
    const heard: string[] = [];
    const router = open('router', { onMessage: (frames) => router.send(frames) });
    const endpoint = await router.bind(ANY);
    for (const life of ['first', 'second']) {
      await new Promise<void>((done) => {
        const dealer = open('dealer', {
          routingId: 'node',
          onMessage: (frames) => {
            heard.push(`${life} ${texts(frames).join()}`);
            done();
          },
        });
        dealer.connect(endpoint);
        dealer.send(['hello']);
      });
    }
    expect(heard).toEqual(['first hello', 'second hello']);
  });

  it('disconnects a peer that sends too large a part and serves the others', async () => {
    const router = open('router', { maxMessageBytes: 1_000, onMessage: (frames) => router.send(frames) });
    const endpoint = await router.bind(ANY);
    await new Promise<void>((done) => {
      const hostile = open('dealer', { onDown: () => done() });
      hostile.connect(endpoint);
      hostile.send([Buffer.alloc(2_000)]);
    });
    const got = await new Promise<string[]>((done) => {
      const dealer = open('dealer', { onMessage: (frames) => done(texts(frames)) });
      dealer.connect(endpoint);
      dealer.send(['fine']);
    });
    expect(got).toEqual(['fine']);
  });

  it('tells of every connection it gets back', async () => {
    const first = openSocket('router');
    const endpoint = await first.bind(ownEndpoint());
    const events: string[] = [];
    let notify = (): void => undefined;
    const saw = (event: string) =>
      new Promise<void>((resolve) => {
        notify = () => {
          if (events.at(-1) === event) resolve();
        };
        notify();
      });
    const note = (event: string) => () => {
      events.push(event);
      notify();
    };
    const dealer = open('dealer', { onUp: note('up'), onDown: note('down') });
    dealer.connect(endpoint);
    await saw('up');
    await first.close();
    await saw('down');
    await open('router').bind(endpoint);
    await saw('up');
    expect(events).toEqual(['up', 'down', 'up']);
  });

  it('goes on after a handler that throws', async () => {
    const faults: string[] = [];
    const got = await new Promise<string>((done) => {
      const pull = open('pull', {
        onFault: (fault) => faults.push(fault.message),
        onMessage: ([frame]) => {
          if (frame?.toString() === 'bad') throw new Error('cannot read this');
          done(String(frame));
        },
      });
      void pull.bind(ANY).then((endpoint) => {
        const push = open('push');
        push.connect(endpoint);
        push.send(['bad']);
        push.send(['good']);
      });
    });
    expect(got).toBe('good');
    expect(faults).toEqual(['[INTERNAL] cannot read this']);
  });

  it('lets others work while messages keep coming', async () => {
    const total = 20_000;
    let received = 0;
    let others = 0;
    let going = true;
    const other = () => {
      others += 1;
      if (going) setImmediate(other);
    };
    setImmediate(other);
    await new Promise<void>((done) => {
      const pull = open('pull', {
        turnMs: 1,
        onMessage: () => {
          received += 1;
          if (received === total) done();
        },
      });
      void pull.bind(ANY).then((endpoint) => {
        const push = open('push', { turnMs: 1 });
        push.connect(endpoint);
        for (let n = 0; n < total; n += 1) push.send(['x'.repeat(100)]);
      });
    });
    going = false;
    expect(others).toBeGreaterThan(5);
  });

  it('holds the next message back until the handler is done', async () => {
    const log: string[] = [];
    await new Promise<void>((done) => {
      const pull = open('pull', {
        onMessage: async ([frame]) => {
          log.push(`in ${frame}`);
          await new Promise((resolve) => setImmediate(resolve));
          log.push(`out ${frame}`);
          if (String(frame) === '2') done();
        },
      });
      void pull.bind(ANY).then((endpoint) => {
        const push = open('push');
        push.connect(endpoint);
        push.send(['1']);
        push.send(['2']);
      });
    });
    expect(log).toEqual(['in 1', 'out 1', 'in 2', 'out 2']);
  });

  it('drops the oldest beyond its queue and says so', async () => {
    const unsent: string[] = [];
    const push = open('push', {
      highWaterMark: 1,
      queue: 3,
      lingerMs: 0,
      onUnsent: (frames, why) => unsent.push(`${texts(frames)} ${why}`),
    });
    push.connect(ownEndpoint());
    for (let n = 0; n < 6; n += 1) push.send([String(n)]);
    expect(unsent).toEqual(['0 QUEUE_FULL', '1 QUEUE_FULL', '2 QUEUE_FULL']);
    expect(push.waiting).toBe(3);
  });

  it('closes from within its own handler, twice, and refuses to send afterwards', async () => {
    const unsent: string[] = [];
    const closed = new Promise<void>((done) => {
      const pull = open('pull', {
        onMessage: async () => {
          await Promise.all([pull.close(), pull.close()]);
          done();
        },
      });
      void pull.bind(ANY).then(async (endpoint) => {
        const push = open('push', { onUnsent: (_, why) => unsent.push(why) });
        push.connect(endpoint);
        push.send(['x']);
        await push.close();
        push.send(['y']);
      });
    });
    await closed;
    expect(unsent).toEqual(['CLOSED']);
  });

  it('lets watchers see the topics that they ask for', async () => {
    const publisher = open('xpub', {
      onMessage: () => {
        publisher.send(['run.2', 'no']);
        publisher.send(['run.1', 'yes']);
      },
    });
    const endpoint = await publisher.bind(ANY);
    const got = await new Promise<string[]>((done) => {
      const sub = open('sub', { onMessage: (frames) => done(texts(frames)) });
      sub.subscribe('run.1');
      sub.connect(endpoint);
    });
    expect(got).toEqual(['run.1', 'yes']);
  });
});
