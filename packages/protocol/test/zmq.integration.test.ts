import { openSocket, type Socket } from '@muster/protocol/zmq';
import { afterEach, describe, expect, it } from 'vitest';

const open: Socket[] = [];
const keep = (socket: Socket): Socket => {
  open.push(socket);
  return socket;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});
const texts = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString());

describe('a wrapped socket', () => {
  it('asks and is answered, with thousands of questions in flight', async () => {
    const router = keep(
      openSocket('router', { onMessage: ([route, ...rest]) => router.send([route as Buffer, ...rest]) }),
    );
    const endpoint = await router.bind('tcp://127.0.0.1:*');
    const answers: string[] = [];
    await new Promise<void>((done) => {
      const dealer = keep(
        openSocket('dealer', {
          onMessage: (frames) => {
            answers.push(texts(frames).join());
            if (answers.length === 5_000) done();
          },
        }),
      );
      dealer.connect(endpoint);
      for (let n = 0; n < 5_000; n += 1) dealer.send(['', String(n)]);
    });
    expect(answers).toEqual(Array.from({ length: 5_000 }, (_, n) => `,${n}`));
  });

  it('pushes to a pull that comes later', async () => {
    const probe = keep(openSocket('pull'));
    const endpoint = await probe.bind('tcp://127.0.0.1:*');
    await probe.close();
    const push = keep(openSocket('push'));
    push.connect(endpoint);
    push.send(['early']);
    const got = await new Promise<string[]>((done) => {
      const pull = keep(openSocket('pull', { onMessage: (frames) => done(texts(frames)) }));
      // The system gives the port back a moment after the first socket is closed.
      const bind = (): void => void pull.bind(endpoint).catch(() => setImmediate(bind));
      bind();
    });
    expect(got).toEqual(['early']);
  });

  it('tells of a message to a peer that is not there', async () => {
    const why = await new Promise<string>((done) => {
      const router = keep(openSocket('router', { onUnsent: (_, reason) => done(reason) }));
      void router.bind('tcp://127.0.0.1:*').then(() => router.send(['nobody', '', 'x']));
    });
    expect(['EHOSTUNREACH', 'EAGAIN']).toContain(why);
  });

  it('says which address is taken', async () => {
    const one = keep(openSocket('pull'));
    const endpoint = await one.bind('tcp://127.0.0.1:*');
    await expect(keep(openSocket('pull')).bind(endpoint)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
  });

  it('lets watchers see the topics that they ask for', async () => {
    const publisher = keep(openSocket('xpub', { onMessage: () => publisher.send(['run.1', 'yes']) }));
    const endpoint = await publisher.bind('tcp://127.0.0.1:*');
    const got = await new Promise<string[]>((done) => {
      const sub = keep(openSocket('sub', { onMessage: (frames) => done(texts(frames)) }));
      sub.subscribe('run.1');
      sub.connect(endpoint);
    });
    expect(got).toEqual(['run.1', 'yes']);
  });
});
