import { type Cluster, startCluster } from '@muster/cluster';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { count, runText, startTargetProcess, type TargetProcess, until } from '../support.js';

let target: TargetProcess;
let cluster: Cluster;
let url: string;
beforeAll(async () => {
  target = await startTargetProcess();
  url = `${target.url.replace('http', 'ws')}/ws/echo`;
  cluster = await startCluster({ agents: 2 });
});
afterAll(async () => {
  await cluster?.stop();
  await target?.close();
});
afterEach((context) => {
  if (context.task.result?.state === 'fail') console.error(cluster.logs());
});

const SCENARIOS: Readonly<Record<string, object>> = {
  'constant-vus': { vus: 5, duration: '1s' },
  'ramping-vus': { startVUs: 1, stages: [{ duration: '1s', target: 6 }], gracefulRampDown: '5s' },
  'per-vu-iterations': { vus: 5, iterations: 7 },
  'shared-iterations': { vus: 5, iterations: 101 },
  'constant-arrival-rate': { rate: 50, duration: '1s', preAllocatedVUs: 10 },
  'ramping-arrival-rate': { stages: [{ duration: '1s', target: 80 }], preAllocatedVUs: 10 },
};

it.each(Object.keys(SCENARIOS))('%s: sockets and messages are exactly what the target counted', async (executor) => {
  await target.reset();
  const scenario = { executor, ...SCENARIOS[executor], gracefulStop: '20s' };
  const summary = await runText(
    cluster.endpoint,
    `import { check, type Socket, WebSocket, ws } from '@muster/script';
     export const options = {
       scenarios: { it: ${JSON.stringify(scenario)} },
       thresholds: { 'ws_sessions{status:101,scenario:it}': ['count>0'], ws_session_duration: ['p(95)<10000'], checks: ['rate==1'] },
     };
     export default function () { return __ITER % 2 === 0 ? awaited() : called(); }
     async function awaited() {
       const socket: Socket = await ws.connect('${url}', { tags: { name: 'awaited' } });
       for (const text of ['one', 'two']) {
         socket.send(text);
         check(await socket.message(), { echoed: (message) => message === text });
       }
       socket.close();
       await socket.closed;
     }
     function called() {
       const socket = new WebSocket('${url}', undefined, { tags: { name: 'called' } });
       socket.onopen = () => socket.send('hello');
       socket.onmessage = ({ data }) => { check(data, { echoed: (it) => it === 'hello' }); socket.close(); };
     }`,
    { agents: 2 },
  );
  const stats = await target.stats();
  expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
  expect(summary.errors).toEqual([]);
  expect(count(summary, 'iterations')).toBeGreaterThan(0);
  expect(count(summary, 'ws_sessions')).toBe(count(summary, 'iterations'));
  expect(count(summary, 'ws_sessions')).toBe(stats.sockets);
  expect(count(summary, 'ws_msgs_sent')).toBe(stats.messages);
  expect(count(summary, 'ws_msgs_received')).toBe(stats.messages);
  expect(summary.metrics.ws_session_duration?.values.count).toBe(stats.sockets);
});

it('a run that is stopped waits for its sockets as long as its grace, then cuts them off', async () => {
  await target.reset();
  const summary = await runText(
    cluster.endpoint,
    `import { WebSocket, ws } from '@muster/script';
     export const options = {
       scenarios: { it: { executor: 'constant-vus', vus: 2, duration: '1h', gracefulStop: '1s' } },
     };
     export default async function () {
       const socket = await ws.connect('${url}');
       socket.send('here');
       if (__VU === 1) await socket.closed;
       else for (let each = 0; each < 3; each += 1) await socket.message();
     }`,
    {
      agents: 1,
      during: async (muster, run) => {
        await until(async () => (await target.stats()).messages === 2);
        await (await muster.attach(run)).stop();
      },
    },
  );
  expect(summary.run.verdict).toBe('aborted');
  expect(count(summary, 'iterations_interrupted')).toBe(2);
  expect(count(summary, 'ws_sessions')).toBe(2);
  expect(summary.metrics.ws_session_duration?.values.count).toBe(2);
  await until(async () => Object.values((await target.stats()).ends).reduce((sum, each) => sum + each, 0) === 2);
});

it('what a callback throws is told with its line in the author’s file', async () => {
  const summary = await runText(
    cluster.endpoint,
    [
      "import { WebSocket } from '@muster/script';",
      'export const options = { iterations: 1 };',
      'export default function () {',
      `  const socket = new WebSocket('${url}');`,
      "  socket.onopen = () => { throw new TypeError('at line 5'); };",
      '}',
    ].join('\n'),
  );
  expect(count(summary, 'iterations_failed')).toBe(1);
  expect(summary.errors).toMatchObject([{ code: 'SCRIPT_EXCEPTION', message: 'TypeError: at line 5' }]);
  expect(summary.errors[0]?.where).toMatch(/^test\.ts:5:/);
});
