import { check, http, type Options, WebSocket, ws } from '@muster/script';

// Two ways to use a WebSocket: awaited, and with callbacks as in k6.
export const options: Options = {
  baseUrl: 'http://127.0.0.1:9000',
  scenarios: {
    awaited: { executor: 'per-vu-iterations', exec: 'awaited', vus: 5, iterations: 4 },
    callbacks: { executor: 'per-vu-iterations', exec: 'callbacks', vus: 5, iterations: 4 },
  },
  thresholds: { checks: ['rate==1'], 'ws_sessions{status:101}': ['count==40'], ws_msgs_received: ['count==140'] },
};

export async function awaited(): Promise<void> {
  const socket = await ws.connect('/ws', { retries: 200, tags: { name: 'awaited' } });
  for (let number = 0; number < 5; number += 1) {
    socket.send(`message ${number}`);
    const answer = await socket.message();
    check(answer, { 'sent back': (text) => text === `message ${number}` });
  }
  const active = await http.get('/active');
  check(active, { 'we are among the connected': (answer) => Number(answer.json('sockets')) > 0 });
}

export function callbacks(): void {
  const socket = new WebSocket('/ws', null, { tags: { name: 'callbacks' } });
  let left = 2;
  socket.onopen = () => socket.send('hello');
  socket.onmessage = ({ data }) => {
    check(data, { 'sent back': (text) => text === 'hello' });
    left -= 1;
    if (left === 0) socket.close();
    else socket.send('hello');
  };
}
