// A worker that does what its `name` says, for tests of the host; it watches its pipe like the real one.
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const say = (line) => writeSync(4, `${JSON.stringify(line)}\n`);
const tell = (news) => process.send(news);
const log = (message) => tell({ type: 'log', level: 'info', message });

new Socket({ fd: 4, readable: true, writable: false })
  .setEncoding('utf8')
  .on('data', (text) => {
    for (const line of text.trim().split('\n')) log(`grant ${JSON.stringify(JSON.parse(line).grant)}`);
  })
  .on('error', () => process.exit(9))
  .on('end', () => process.exit(9));

const DEEDS = {
  obey: () => tell({ type: 'loaded', options: {}, functions: ['default'], metrics: [] }),
  bytes: () => tell({ type: 'window', second: 0, sealedToMs: 1_000, window: new Uint8Array([1, 2, 3]) }),
  exit: () => {
    process.stderr.write('last words\nof a worker');
    process.exit(3);
  },
  quiet: () => process.exit(0),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  hang: (init) => {
    say({ hang: { blockedMs: 10_000, where: `file://${init.bundlePath}:2:3` } });
    process.kill(process.pid, 'SIGKILL');
  },
  memory: () => {
    say({ memory: { rssBytes: 300 * 1_048_576, maxRssBytes: 200 * 1_048_576 } });
    process.kill(process.pid, 'SIGKILL');
  },
  lapsed: () => {
    say({ expired: { until: 5 } });
    process.kill(process.pid, 'SIGKILL');
  },
  heap: () => {
    const all = [];
    for (;;) all.push(new Array(100_000).fill(all.length));
  },
  deaf: () => {
    process.on('SIGTERM', () => log('no'));
    tell({ type: 'ready' });
  },
  env: () => log(JSON.stringify(process.env)),
  chatter: () => {
    for (let n = 0; n < 200; n += 1) process.stdout.write(`line ${n}\n`);
    process.stdout.write('x'.repeat(10_000));
    log('done');
  },
  many: () => {
    for (let n = 0; n < 1_000; n += 1) tell({ type: 'stats', vus: n, lagMs: 0 });
    process.send({ type: 'ready' }, () => process.exit(0));
  },
};

process.on('message', (order) => {
  if (order.type === 'init') DEEDS[order.name](order);
  if (order.type === 'end' && !process.listenerCount('SIGTERM')) process.exit(0);
});
process.on('disconnect', () => process.exit(0));
