import {
  AgentMessage,
  type BrokerMessage,
  decodeNative,
  encodeNative,
  type Frame,
  isNative,
  MusterError,
  NATIVE_VERSIONS,
  readBackend,
  toAgent,
} from '@muster/protocol';
import { askedId } from './asked-id.js';

export interface BackendPort {
  send(frames: Frame[]): void;
  said(agent: string, message: AgentMessage): void;
  /** An agent of the original answers, a client when it has one in its envelope. */
  answered(agent: string, client: string | null, payload: Frame): void;
  /** `REGISTER` or `UNREGISTER` and its body came here in place of the register socket. */
  register(frames: readonly Frame[]): void;
  dropped(why: string): void;
}

/** What agents say, and native ones are told. A message that does not fit is answered when it can be, and dropped. */
export class Backend {
  readonly #port: BackendPort;
  readonly #broker: string;

  /** @param broker the broker's id in every message */
  constructor(port: BackendPort, broker: string) {
    this.#port = port;
    this.#broker = broker;
  }

  receive(frames: readonly Frame[]): void {
    const registration = frames.slice(-2);
    if (isRegistration(registration)) {
      this.#port.register(registration);
      return;
    }
    try {
      const { route, agent, client, payload } = readBackend(frames);
      if (route !== agent) throw new MusterError('BAD_FRAMES', `the peer ${route} speaks as ${agent}`);
      if (isNative(payload)) this.#said(route, payload);
      else this.#port.answered(route, client === this.#broker ? null : client, payload);
    } catch (thrown) {
      this.#port.dropped(MusterError.from(thrown).message);
    }
  }

  #said(route: string, payload: Frame): void {
    let message: AgentMessage;
    try {
      message = decodeNative(AgentMessage, payload);
    } catch (thrown) {
      const error = MusterError.from(thrown);
      this.#port.dropped(`from ${route}: ${error.message}`);
      const id = askedId(error);
      if (id !== null) this.tell(route, { type: 'reply', id, error: { code: error.code, message: error.message } });
      // A hello of another time can't be read, and its sender must not wait for an answer for ever.
      else if (error.message.includes('"hello"'))
        this.tell(route, { type: 'refuse', code: error.code, message: error.message, protocol: NATIVE_VERSIONS });
      return;
    }
    this.#port.said(route, message);
  }

  tell(agent: string, message: BrokerMessage): void {
    this.#port.send(toAgent(agent, this.#broker, encodeNative(message)));
  }
}

const isRegistration = ([verb, body]: readonly Frame[]): boolean => {
  if (verb === undefined || body === undefined || verb.byteLength > 10) return false;
  const text = verb.toString();
  return text === 'REGISTER' || text === 'UNREGISTER';
};
