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
  dropped(why: string): void;
}

/** What native agents say and are told. A message that does not fit is answered when it can be, and dropped. */
export class Backend {
  readonly #port: BackendPort;
  readonly #broker: string;

  /** @param broker the broker's id in every message */
  constructor(port: BackendPort, broker: string) {
    this.#port = port;
    this.#broker = broker;
  }

  receive(frames: readonly Frame[]): void {
    let route: string;
    let payload: Frame;
    try {
      const read = readBackend(frames);
      if (read.route !== read.agent)
        throw new MusterError('BAD_FRAMES', `the peer ${read.route} speaks as ${read.agent}`);
      if (!isNative(read.payload)) throw new MusterError('NOT_SUPPORTED', 'an agent of the original spoke');
      route = read.route;
      payload = read.payload;
    } catch (thrown) {
      this.#port.dropped(MusterError.from(thrown).message);
      return;
    }
    this.#said(route, payload);
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
