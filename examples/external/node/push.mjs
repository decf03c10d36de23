import { connect } from 'node:net';

// Just enough of ZeroMQ's wire protocol (ZMTP 3.0, rfc.zeromq.org/spec/23) for a PUSH socket without encryption, so that
// a runner needs nothing but Node. With the package `zeromq` installed on the agents this file is not needed.

const GREETING = Buffer.alloc(64);
GREETING[0] = 0xff;
GREETING[9] = 0x7f;
GREETING[10] = 3;
GREETING.write('NULL', 12);

const COMMAND = 0x04;
const LONG = 0x02;

const frame = (flags, body) => {
  const isLong = body.length > 255;
  const head = Buffer.alloc(isLong ? 9 : 2);
  head[0] = flags | (isLong ? LONG : 0);
  if (isLong) head.writeBigUInt64BE(BigInt(body.length), 1);
  else head[1] = body.length;
  return Buffer.concat([head, body]);
};

const property = (name, value) => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)]);
};
const READY = frame(COMMAND, Buffer.concat([Buffer.from('\x05READY'), property('Socket-Type', 'PUSH')]));

/** Where `tcp://host:port` or `ipc://path` is, for `net.connect`. */
const addressOf = (endpoint) => {
  const tcp = /^tcp:\/\/\[?([^\]]+)\]?:(\d+)$/.exec(endpoint);
  return tcp === null ? { path: endpoint.replace(/^ipc:\/\//, '') } : { host: tcp[1], port: Number(tcp[2]) };
};

/** Connects to a PULL socket; resolves when that has said that it is one. */
export const openPush = (endpoint) =>
  new Promise((resolve, reject) => {
    const socket = connect(addressOf(endpoint), () => socket.write(Buffer.concat([GREETING, READY])));
    let heard = Buffer.alloc(0);
    const onData = (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      // The other's greeting, and the two bytes in front of its READY.
      if (heard.length < 66 || heard.length < 66 + heard[65]) return;
      socket.off('data', onData).resume();
      resolve({
        /** Resolves when there is room for more. */
        send: (message) =>
          new Promise((sent) => {
            if (socket.write(frame(0, Buffer.from(message)))) sent();
            else socket.once('drain', sent);
          }),
        /** Resolves when everything has left. */
        close: () => new Promise((closed) => socket.end(closed)),
      });
    };
    socket.on('data', onData).on('error', reject);
  });
