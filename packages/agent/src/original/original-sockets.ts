import {
  type AgentAnswer,
  BOUNDS,
  decodeOriginal,
  encodeOriginal,
  MusterError,
  OriginalOrder,
  readAtAgent,
  registerFrames,
  toBroker,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { z } from 'zod';
import type { ExternalEvent, MembershipEvent, OriginalPlace } from './events.js';

export interface OriginalSocketsOptions {
  readonly identity: () => { readonly agent: string; readonly hostname: string; readonly pid: number };
  readonly onExternal: (event: ExternalEvent) => void;
  readonly onMembership: (event: MembershipEvent) => void;
  readonly onFault: (fault: MusterError) => void;
}

const LINGER_MS = 1_000;
/** Signs of life inside the transport: libraries of the original's time need not know them. */
const NONE = 0;

/** The sockets between an agent and a broker of the original. */
export class OriginalSockets {
  readonly #options: OriginalSocketsOptions;
  #place: OriginalPlace | null = null;
  #backend: Socket | null = null;
  #register: Socket | null = null;
  #heartbeat: Socket | null = null;

  constructor(options: OriginalSocketsOptions) {
    this.#options = options;
  }

  get receiver(): string | null {
    return this.#place?.receiver ?? null;
  }

  join(place: OriginalPlace): void {
    const { onFault, onMembership, identity } = this.#options;
    this.#place = place;
    let isDown = false;
    // The original's agents have a ROUTER here: on the wire a DEALER that knows its id is the same.
    this.#backend = openSocket('dealer', {
      routingId: identity().agent,
      maxMessageBytes: BOUNDS.originalRunBytes,
      lingerMs: LINGER_MS,
      heartbeatMs: NONE,
      onMessage: (frames) => this.#asked(frames),
      onFault,
      onDown: () => {
        isDown = true;
      },
      onUp: () => {
        if (isDown) onMembership({ type: 'again' });
        isDown = false;
      },
    });
    this.#backend.connect(place.backend);
    this.#register = openSocket('push', { lingerMs: LINGER_MS, heartbeatMs: NONE });
    this.#register.connect(place.register);
    if (place.heartbeat === null) return;
    this.#heartbeat = openSocket('sub', {
      heartbeatMs: NONE,
      maxMessageBytes: 1_024,
      onMessage: () => onMembership({ type: 'beat' }),
      onFault,
    });
    this.#heartbeat.subscribe('');
    this.#heartbeat.connect(place.heartbeat);
  }

  register(): void {
    const { agent, hostname, pid } = this.#options.identity();
    this.#register?.send(registerFrames('REGISTER', encodeOriginal({ pid, hostname, agent_id: agent })));
  }

  /** A broker that only hears that an agent signed off leaves its run open for ever: so it hears of the end first. */
  unregister(): void {
    const { agent, hostname, pid } = this.#options.identity();
    this.answer({ result: { status: {}, command: 'STOP' }, hostname, agent_id: agent, pid }, null);
    this.#register?.send(registerFrames('UNREGISTER', Buffer.from(agent)));
  }

  answer(answer: AgentAnswer, client: string | null): void {
    const { agent } = this.#options.identity();
    this.#backend?.send(toBroker(agent, encodeOriginal(answer), client ?? undefined));
  }

  #asked(frames: readonly Buffer[]): void {
    const { client, payload } = readAtAgent(frames);
    const from = { client };
    try {
      this.#options.onExternal({ type: 'order', from, order: readOrder(payload) });
    } catch (thrown) {
      const fault = MusterError.from(thrown);
      this.#options.onFault(fault);
      this.#options.onExternal({ type: 'unreadable', from, why: fault.message.replace(/^\[\w+\] /, '') });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#backend?.close(), this.#register?.close(), this.#heartbeat?.close()]);
  }
}

const AnyOrder = z.looseObject({ command: z.string().max(256) });
const COMMANDS: ReadonlySet<string> = new Set(['RUN', 'STATUS', '_STATUS', 'STOP', 'QUIT']);

/** A field without a value is as good as none. @throws MusterError `BAD_MESSAGE`, `UNKNOWN_COMMAND` */
const readOrder = (payload: Buffer): OriginalOrder => {
  const { command, ...plain } = decodeOriginal(AnyOrder, payload, BOUNDS.originalRunBytes);
  if (!COMMANDS.has(command)) throw new MusterError('UNKNOWN_COMMAND', `unknown command ${command}`);
  const fields = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null));
  const checked = OriginalOrder.safeParse({ command, ...fields });
  if (checked.success) return checked.data;
  const [first] = checked.error.issues;
  throw new MusterError('BAD_MESSAGE', `${first?.path.join('.') || 'message'}: ${first?.message ?? 'does not fit'}`);
};
