import { connect } from 'node:net';
import {
  clientQuestion,
  MusterError,
  NATIVE_VERSIONS,
  nativePing,
  parseEndpoint,
  readClientAnswer,
} from '@muster/protocol';
import { openSocket } from '@muster/protocol/zmq';

/** A broker that answered. */
export interface RunningBroker {
  readonly pid: number | null;
  readonly version: string | null;
  readonly agents: number;
}

const CONNECT_MS = 500;
const ANSWER_MS = 1_500;

/** zeromq tells nothing of a refused connection, so the port is tried by a plain one first. */
const isOpen = (endpoint: string): Promise<boolean> => {
  const parsed = parseEndpoint(endpoint);
  if (parsed.transport === 'tcp' && parsed.port === '*') return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket =
      parsed.transport === 'ipc'
        ? connect({ path: parsed.path })
        : connect({ host: parsed.host === '*' ? '127.0.0.1' : parsed.host, port: Number(parsed.port) });
    const done = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(CONNECT_MS, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
};

const asRunning = (payload: Buffer): RunningBroker | null => {
  try {
    const { result } = JSON.parse(payload.toString()) as {
      result?: { pid?: unknown; version?: unknown; agents?: unknown };
    };
    if (typeof result !== 'object' || result === null) return null;
    const { pid, version, agents } = result;
    return {
      pid: typeof pid === 'number' ? pid : null,
      version: typeof version === 'string' ? version : null,
      agents: typeof agents === 'object' && agents !== null ? Object.keys(agents).length : 0,
    };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
};

/** The broker that answers on a frontend; null when nobody does, or somebody who is none. */
export const probeBroker = async (frontend: string): Promise<RunningBroker | null> => {
  if (!(await isOpen(frontend))) return null;
  let answered: (running: RunningBroker | null) => void = () => undefined;
  const answer = new Promise<RunningBroker | null>((resolve) => {
    answered = resolve;
  });
  const socket = openSocket('dealer', {
    lingerMs: 0,
    onMessage: (frames) => answered(asRunning(readClientAnswer(frames))),
  });
  const timer = setTimeout(() => answered(null), ANSWER_MS);
  socket.connect(frontend.replace('tcp://*:', 'tcp://127.0.0.1:'));
  socket.send(clientQuestion(nativePing(NATIVE_VERSIONS)));
  const running = await answer;
  clearTimeout(timer);
  await socket.close();
  return running;
};

/** @throws MusterError `BROKER_RUNNING` naming the pid when a broker answers there. */
export const refuseSecond = async (frontend: string): Promise<void> => {
  const running = await probeBroker(frontend);
  if (running === null) return;
  throw new MusterError(
    'BROKER_RUNNING',
    `a broker answers on ${frontend} already: process ${running.pid ?? 'unknown'}`,
    {
      hint: 'stop it, or give this one another --frontend',
      details: { pid: running.pid },
    },
  );
};
