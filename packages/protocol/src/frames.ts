import { MusterError } from './errors.js';

/** One part of a ZeroMQ message. */
export type Frame = Buffer;

/** Made when it is needed: this file can be imported where there is no `Buffer`. */
const empty = (): Frame => Buffer.alloc(0);
const bad = (what: string): never => {
  throw new MusterError('BAD_FRAMES', what);
};
/** Routing ids are binary; as text they stay one to one in latin1. */
export const routeText = (frame: Frame): string => frame.toString('latin1');
export const routeFrame = (text: string): Frame => Buffer.from(text, 'latin1');

/** Frontend, at the broker: `route '' payload`, from a REQ or a DEALER. Like the original, only the last frame is the body. */
export const readFrontend = (frames: readonly Frame[]): { readonly route: string; readonly payload: Frame } => {
  const [route] = frames;
  const payload = frames.at(-1);
  if (route === undefined || payload === undefined || frames.length < 2)
    return bad('a message on the frontend has no body');
  return { route: routeText(route), payload };
};
export const frontendAnswer = (route: string, payload: Frame): Frame[] => [routeFrame(route), empty(), payload];
/** Frontend, at the client's DEALER: `'' payload` both ways. */
export const clientQuestion = (payload: Frame): Frame[] => [empty(), payload];
export const readClientAnswer = (frames: readonly Frame[]): Frame =>
  frames.at(-1) ?? bad('an empty message came from the frontend');

/** Backend, broker → agent: `agent-id '' broker-id '' [client-id ''] payload`. */
export const toAgent = (agent: string, broker: string, payload: Frame, client?: string): Frame[] => [
  routeFrame(agent),
  empty(),
  Buffer.from(broker),
  empty(),
  ...(client === undefined ? [] : [routeFrame(client), empty()]),
  payload,
];
/**
 * The same for an agent of the two oldest generations: its REP keeps what stands before the empty frame, and puts it
 * before the answer.
 */
export const toOldestAgent = (agent: string, asker: string, payload: Frame): Frame[] => [
  routeFrame(agent),
  routeFrame(asker),
  empty(),
  payload,
];
/** The same as the agent's DEALER reads it: without its own id in front. */
export const readAtAgent = (
  frames: readonly Frame[],
): { readonly broker: string; readonly client: string | null; readonly payload: Frame } => {
  const payload = frames.at(-1);
  const broker = frames[1];
  if (payload === undefined || broker === undefined || (frames.length !== 4 && frames.length !== 6))
    return bad(`${frames.length} frames came from the backend, not 4 or 6`);
  const client = frames.length === 6 ? frames[3] : undefined;
  return { broker: broker.toString(), client: client === undefined ? null : routeText(client), payload };
};

/** Backend, agent → broker, as the agent's DEALER writes it: `'' agent-id '' [client-id ''] payload`. */
export const toBroker = (agent: string, payload: Frame, client?: string): Frame[] => [
  empty(),
  routeFrame(agent),
  empty(),
  ...(client === undefined ? [] : [routeFrame(client), empty()]),
  payload,
];
/**
 * The same as the broker's ROUTER reads it: with the routing id in front. From a REP (`route asker '' payload`) the
 * client is whoever asked, the broker too.
 */
export const readBackend = (
  frames: readonly Frame[],
): { readonly route: string; readonly agent: string; readonly client: string | null; readonly payload: Frame } => {
  const [route, , agent] = frames;
  const payload = frames.at(-1);
  const asker = frames[1];
  if (route !== undefined && asker !== undefined && payload !== undefined && isFromReply(frames))
    return { route: routeText(route), agent: routeText(route), client: routeText(asker), payload };
  if (
    route === undefined ||
    agent === undefined ||
    payload === undefined ||
    (frames.length !== 5 && frames.length !== 7)
  ) {
    return bad(`${frames.length} frames came on the backend, not 4, 5 or 7`);
  }
  const client = frames.length === 7 ? frames[4] : undefined;
  return {
    route: routeText(route),
    agent: routeText(agent),
    client: client === undefined ? null : routeText(client),
    payload,
  };
};

const isFromReply = ({ length, 1: asker, 2: gap }: readonly Frame[]): boolean =>
  length === 4 && asker?.byteLength !== 0 && gap?.byteLength === 0;

/** Register: `REGISTER info` or `UNREGISTER agent-id`. */
export const readRegister = (
  frames: readonly Frame[],
): { readonly verb: 'REGISTER' | 'UNREGISTER'; readonly body: Frame } => {
  const verb = frames[0]?.toString();
  const body = frames[1];
  if (frames.length !== 2 || body === undefined || (verb !== 'REGISTER' && verb !== 'UNREGISTER'))
    return bad('a message on register is not REGISTER or UNREGISTER and a body');
  return { verb, body };
};

export const registerFrames = (verb: 'REGISTER' | 'UNREGISTER', body: Frame): Frame[] => [Buffer.from(verb), body];

/** Receiver: one JSON message of the original, or `header payload` of a native agent. */
export const readReceiver = (
  frames: readonly Frame[],
):
  | { readonly native: false; readonly body: Frame }
  | { readonly native: true; readonly header: Frame; readonly payload: Frame } => {
  const [first, second] = frames;
  if (first !== undefined && frames.length === 1) return { native: false, body: first };
  if (first !== undefined && second !== undefined && frames.length === 2)
    return { native: true, header: first, payload: second };
  return bad(`${frames.length} frames came on the receiver, not 1 or 2`);
};

/** A batch of a native agent. */
export const batchFrames = (header: Frame, payload: Frame): Frame[] => [header, payload];

/** Events: `topic payload`. The topic of a run's events is `run.` and its id. */
export const eventTopic = (run: string): string => `run.${run}`;
/** The topic of a run of the original; without an id the beginning of all of them. */
export const originalTopic = (run = ''): string => `original.${run}`;
/**
 * A watcher that subscribes `live.` and a text of its own hears one message under it: then whatever it subscribed before
 * is known to the broker, and nothing is missed from there on.
 */
export const liveTopic = (text: string): string => `live.${text}`;
export const eventFrames = (topic: string, payload: Frame): Frame[] => [Buffer.from(topic), payload];
export const readEvent = (frames: readonly Frame[]): { readonly topic: string; readonly payload: Frame } => {
  const [topic, payload] = frames;
  if (frames.length !== 2 || topic === undefined || payload === undefined)
    return bad('an event is not a topic and a payload');
  return { topic: topic.toString(), payload };
};

/**
 * What an XPUB hears: a topic that somebody asks for now (first byte 1) or that nobody wants any more (0). Null for
 * anything else, which a SUB may send too.
 */
export const readSubscription = (
  frames: readonly Frame[],
): { readonly subscribed: boolean; readonly topic: string } | null => {
  const [frame] = frames;
  const verb = frame?.[0];
  if (frame === undefined || frames.length !== 1 || (verb !== 0 && verb !== 1)) return null;
  return { subscribed: verb === 1, topic: frame.subarray(1).toString() };
};
