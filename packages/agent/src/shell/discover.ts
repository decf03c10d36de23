import {
  clientQuestion,
  decodeOriginal,
  formatEndpoint,
  MusterError,
  NATIVE_VERSIONS,
  nativePing,
  negotiate,
  parseEndpoint,
  readClientAnswer,
  requireLoopback,
  VersionRange,
} from '@muster/protocol';
import { openSocket } from '@muster/protocol/zmq';
import { z } from 'zod';
import type { OriginalPlace } from '../original/events.js';
import { probePort } from './port-probe.js';

/** Where a broker's sockets are, as far as an agent needs them. */
export interface BrokerPlace {
  readonly backend: string;
  readonly receiver: string;
}

/** What the frontend gave. */
export type Discovery =
  | { readonly found: BrokerPlace }
  /** A broker of the original answered: it says nothing of native versions. */
  | { readonly found: OriginalPlace; readonly original: true }
  /** Nobody listens on the port. */
  | { readonly found: null; readonly refused: true; readonly why: string }
  | { readonly found: null; readonly refused: false; readonly why: string };

const CONNECT_MS = 1_000;
const ANSWER_MS = 1_500;

const PingAnswer = z.looseObject({
  result: z.looseObject({
    endpoints: z.looseObject({
      backend: z.string(),
      receiver: z.string(),
      register: z.string().optional(),
      heartbeat: z.string().nullish(),
    }),
    native: VersionRange.optional(),
  }),
});

const readAnswer = (payload: Buffer, frontend: string, insecure: boolean): Discovery => {
  const { endpoints, native } = decodeOriginal(PingAnswer, payload).result;
  if (native === undefined) return { found: readOriginal(endpoints, frontend, insecure), original: true };
  negotiate(native, 'the broker', NATIVE_VERSIONS);
  for (const endpoint of [endpoints.backend, endpoints.receiver]) requireLoopback(endpoint, insecure);
  return { found: { backend: endpoints.backend, receiver: endpoints.receiver } };
};

const readOriginal = (
  { backend, receiver, register, heartbeat }: z.infer<typeof PingAnswer>['result']['endpoints'],
  frontend: string,
  insecure: boolean,
): OriginalPlace => {
  if (register === undefined)
    throw new MusterError('NOT_SUPPORTED', 'a broker answered that is neither ours nor one of the original');
  const reachable = (endpoint: string): string => {
    const text = connectable(endpoint, frontend);
    requireLoopback(text, insecure);
    return text;
  };
  return {
    backend: reachable(backend),
    receiver: reachable(receiver),
    register: reachable(register),
    heartbeat: heartbeat === undefined || heartbeat === null ? null : reachable(heartbeat),
  };
};

/** A broker that binds all addresses says so in place of one that can be connected to: then it is where its frontend is. */
const connectable = (text: string, frontend: string): string => {
  const endpoint = parseEndpoint(text);
  const asked = parseEndpoint(frontend);
  if (endpoint.transport !== 'tcp' || (endpoint.host !== '0.0.0.0' && endpoint.host !== '*')) return text;
  return formatEndpoint({ ...endpoint, host: asked.transport === 'tcp' ? asked.host : '127.0.0.1' });
};

/** Asks a frontend, in the JSON that every broker understands, where its other sockets are and which versions it speaks. */
export const discover = async (frontend: string, insecure: boolean): Promise<Discovery> => {
  const port = await probePort(frontend, CONNECT_MS);
  if (port === 'refused') return { found: null, refused: true, why: `${frontend} refuses connections` };
  let answered: (discovery: Discovery) => void = () => undefined;
  const answer = new Promise<Discovery>((resolve) => {
    answered = resolve;
  });
  const silent = (why: string): Discovery => ({ found: null, refused: false, why });
  // A fresh socket each time: what an old one still holds back would answer an older question.
  await using socket = openSocket('dealer', {
    lingerMs: 0,
    onMessage: (frames) => {
      try {
        answered(readAnswer(readClientAnswer(frames), frontend, insecure));
      } catch (thrown) {
        answered(silent(MusterError.from(thrown).message));
      }
    },
  });
  const timer = setTimeout(() => answered(silent(`${frontend} did not answer in ${ANSWER_MS} ms`)), ANSWER_MS);
  try {
    socket.connect(frontend);
    socket.send(clientQuestion(nativePing(NATIVE_VERSIONS)));
    return await answer;
  } finally {
    clearTimeout(timer);
  }
};
