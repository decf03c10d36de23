// A server for the tests beside it: a page, basic authentication, a WebSocket that sends everything back, and how many
// are connected. `node examples/loads/echo-server.mjs [PORT]` listens on loopback, on 9000 or on PORT (0: any free one).
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const USER = 'Aladdin:open sesame';
const basic = `Basic ${Buffer.from(USER).toString('base64')}`;

const sockets = new WebSocketServer({ noServer: true });
sockets.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => socket.terminate());
});

const server = createServer((request, response) => {
  request.resume();
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/') response.end('<html><body>Welcome</body></html>');
  else if (path === '/auth' && request.headers.authorization !== basic)
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="echo"' }).end('who are you?\n');
  else if (path === '/auth') response.end('come in\n');
  else if (path === '/active')
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ sockets: sockets.clients.size }));
  else response.writeHead(404).end('not here\n');
});
server.on('upgrade', (request, socket, head) => {
  if (request.url?.split('?')[0] === '/ws')
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened));
  else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
});
server.listen(Number(process.argv[2] ?? 9_000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
