import type { Counter, Tags, Trend } from '@muster/metrics';
import type { Frame } from '../load/virtual-user.js';
import type { WsFailure } from './ws-failure.js';

const us = (ms: number): number => Math.max(0, Math.round(ms * 1_000));

/** What is measured of one socket: with the place and the tags that its user had when it was made. */
export class WsSinks {
  readonly #frame: Frame;
  readonly #tags: Tags;
  readonly #startedMs = performance.now();
  #open: { readonly sent: Counter; readonly received: Counter; readonly ping: Trend; readonly session: Trend } | null =
    null;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(frame: Frame, name: string, tags: Tags | undefined) {
    this.#frame = frame;
    this.#tags = { ...frame.place.tags, name, ...tags };
  }

  #touch(): number {
    const nowMs = performance.now();
    this.#frame.user.scenario.recorder.touch(nowMs);
    return nowMs;
  }

  /** A try to connect that began at this instant is over; null: the socket is open. */
  tried(startedMs: number, failure: WsFailure | null, protocol: string): void {
    const nowMs = this.#touch();
    const { series } = this.#frame.user.scenario.recorder;
    const tags = {
      ...this.#tags,
      status: String(failure?.status ?? 101),
      ...(protocol === '' ? {} : { subproto: protocol }),
    };
    const judged = failure === null ? tags : { ...tags, error_code: String(failure.cause.number) };
    series.counter('ws_sessions', judged).add(1);
    series.trend('ws_connecting', judged).addUs(us(nowMs - startedMs));
    if (failure !== null) return;
    this.#open = {
      sent: series.counter('ws_msgs_sent', tags),
      received: series.counter('ws_msgs_received', tags),
      ping: series.trend('ws_ping', tags),
      session: series.trend('ws_session_duration', tags),
    };
  }

  sent(): void {
    this.#touch();
    this.#open?.sent.add(1);
  }
  received(): void {
    this.#touch();
    this.#open?.received.add(1);
  }
  ponged(pingedMs: number): void {
    this.#open?.ping.addUs(us(this.#touch() - pingedMs));
  }
  /** A socket that was open is closed. */
  closed(): void {
    this.#open?.session.addUs(us(this.#touch() - this.#startedMs));
    this.#open = null;
  }

  /** How much went over the connection so far; what is new of it is counted. */
  bytes(sent: number, received: number): void {
    this.#touch();
    const { place } = this.#frame;
    place.bytesSent.add(Math.max(0, sent - this.#bytesSent));
    place.bytesReceived.add(Math.max(0, received - this.#bytesReceived));
    this.#bytesSent = sent;
    this.#bytesReceived = received;
  }
  /** The next bytes are those of another connection. */
  newConnection(): void {
    this.#bytesSent = 0;
    this.#bytesReceived = 0;
  }
}
