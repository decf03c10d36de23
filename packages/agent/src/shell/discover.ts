import {
  clientQuestion,
  decodeOriginal,
  MusterError,
  NATIVE_VERSIONS,
  nativePing,
  negotiate,
  readClientAnswer,
  requireLoopback,
  VersionRange,
} from '@muster/protocol';
import { openSocket } from '@muster/protocol/zmq';
import { z } from 'zod';
import { probePort } from './port-probe.js';

/** Where a broker's sockets are, as far as an agent needs them. */
export interface BrokerPlace {
  readonly backend: string;
  readonly receiver: string;
}

/** What the frontend gave. */
export type Discovery =
  | { readonly found: BrokerPlace }
  /** Nobody listens on the port. */
  | { readonly found: null; readonly refused: true; readonly why: string }
  | { readonly found: null; readonly refused: false; readonly why: string };

const CONNECT_MS = 1_000;
const ANSWER_MS = 1_500;

const PingAnswer = z.looseObject({
  result: z.looseObject({
    endpoints: z.looseObject({ backend: z.string(), receiver: z.string() }),
    native: VersionRange.optional(),
  }),
});

const readAnswer = (payload: Buffer, insecure: boolean): BrokerPlace => {
  const { endpoints, native } = decodeOriginal(PingAnswer, payload).result;
  if (native === undefined)
    throw new MusterError(
      'NOT_SUPPORTED',
      'a broker of the original answered: this agent speaks the native dialect only',
    );
  negotiate(native, 'the broker', NATIVE_VERSIONS);
  for (const endpoint of [endpoints.backend, endpoints.receiver]) requireLoopback(endpoint, insecure);
  return { backend: endpoints.backend, receiver: endpoints.receiver };
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
        answered({ found: readAnswer(readClientAnswer(frames), insecure) });
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
