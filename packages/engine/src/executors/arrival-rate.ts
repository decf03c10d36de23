import {
  type ArrivalScenario,
  activeMsOf,
  countIn,
  countSlots,
  type Schedule,
  SlotCursor,
  scheduleOf,
} from '@muster/plan';
import type { Share } from '../load/share-line.js';
import type { VirtualUser } from '../load/virtual-user.js';
import type { Alarm } from '../pace/pacer.js';
import type { ScenarioHost, ScenarioRun } from './scenario-host.js';

/** The slots of one share, until the next plan's take over. */
interface Line {
  readonly share: Share;
  readonly cursor: SlotCursor;
  endUs: number;
}

/** How long due slots may be started one after the other before the event loop turns. */
const BURST_MS = 5;
const MAX_TIMER_MS = 2_147_483_647;

/**
 * `constant-arrival-rate` and `ramping-arrival-rate`: iterations begin when they are due, whether earlier ones have
 * ended or not. The pace is the schedule's own, never "a while after the last one", so lateness does not add up. What
 * can't begin is counted with its reason: planned = started + dropped (+ unknown, when an agent dies).
 *
 * A worker whose stripe holds none of the scenario's users has one all the same, for it has slots of its own.
 */
export class ArrivalRate implements ScenarioRun {
  readonly #scenario: ArrivalScenario;
  readonly #host: ScenarioHost;
  readonly #schedule: Schedule;
  readonly #idle: VirtualUser[] = [];
  readonly #busy = new Set<VirtualUser>();
  #lines: Line[] = [];
  #seenShares = 0;
  #users = 0;
  /** Generation and count of the users whose indices are taken in it. */
  #numbered = { generation: 0, count: 0 };
  #alarm: Alarm | null = null;
  /** No right to load since something was due: what is too late by now is so for that reason. */
  #quiet = false;
  #waiting = false;
  #stopped = false;
  #over = false;
  #graceTimer: NodeJS.Timeout | undefined;
  #ended: () => void = () => undefined;

  constructor(scenario: ArrivalScenario, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#schedule = scheduleOf(scenario);
  }

  run(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#takeShares();
    const stripe = this.#lines[0]?.share.stripe ?? null;
    const ahead = stripe === null ? 0 : Math.max(1, countIn(stripe, this.#scenario.preAllocatedVUs));
    for (let n = 0; n < ahead; n += 1) this.#idle.push(this.#makeUser());
    this.#alarm = this.#host.pacer.alarm(() => this.#release());
    this.#release();
    return ended;
  }

  /** Starts what is due, and sets the alarm for what comes next. */
  #release(): void {
    const burstEndMs = performance.now() + BURST_MS;
    while (!this.#over) {
      const [line] = this.#lines;
      const nowMs = performance.now();
      const nowUs = this.#host.clock.at(nowMs) * 1_000;
      if (this.#stopped || line === undefined) {
        this.#finish();
        return;
      }
      const { dueUs } = line.cursor;
      if (dueUs === Number.POSITIVE_INFINITY) {
        if (!this.#passOn(line, nowUs)) return;
      } else if (dueUs > nowUs) {
        this.#alarm?.at(this.#host.clock.originMs + dueUs / 1_000);
        return;
      } else if (!this.#host.gate.isOpen(nowMs)) {
        this.#quiet = true;
        if (!this.#leaveToOthers(line, nowUs)) {
          this.#waitForRight(line);
          return;
        }
      } else if (nowMs > burstEndMs) {
        this.#alarm?.at(nowMs);
        return;
      } else this.#start(line, nowUs - dueUs);
    }
  }

  /** Until the right is back, or until what is due belongs to others. */
  #waitForRight(line: Line): void {
    if (line.endUs !== Number.POSITIVE_INFINITY) this.#alarm?.at(this.#host.clock.originMs + line.endUs / 1_000);
    if (this.#waiting) return;
    this.#waiting = true;
    void this.#host.gate.wait().then(() => {
      this.#waiting = false;
      this.#release();
    });
  }

  /** This share has no more slots: goes on to the next, or waits for a plan that brings some until the schedule ends. */
  #passOn(line: Line, nowUs: number): boolean {
    const endUs = Math.min(line.endUs, (this.#scenario.startTimeMs + activeMsOf(this.#scenario)) * 1_000);
    if (nowUs < endUs) {
      this.#alarm?.at(this.#host.clock.originMs + endUs / 1_000);
      return false;
    }
    this.#lines.shift();
    return true;
  }

  /** The plan that follows has begun and this agent may not start what was its own before: nobody starts it any more. */
  #leaveToOthers(line: Line, nowUs: number): boolean {
    if (line.endUs > nowUs || line.share.stripe === null) return false;
    const left = countSlots(this.#schedule, line.share.stripe, line.cursor.dueUs, line.endUs);
    this.#host.drop('lease', left);
    this.#lines.shift();
    return true;
  }

  #start(line: Line, lateUs: number): void {
    const { dueUs, slot } = line.cursor;
    line.cursor.advance();
    if (lateUs > this.#host.maxLatenessMs * 1_000) {
      this.#host.drop(this.#quiet ? 'lease' : 'late', 1);
      return;
    }
    this.#quiet = false;
    const user = this.#idle.pop() ?? this.#another(line.share);
    if (user === null) {
      this.#host.drop('no_vu', 1);
      return;
    }
    this.#busy.add(user);
    this.#host.noteVus(1);
    void this.#host.runner.once(user, this.#host.fn, dueUs, slot).then(() => this.#back(user));
  }

  #another({ stripe }: Share): VirtualUser | null {
    const most = stripe === null ? 0 : Math.max(1, countIn(stripe, this.#scenario.maxVUs));
    return this.#users < most ? this.#makeUser() : null;
  }

  #makeUser(): VirtualUser {
    const share = this.#lines[0]?.share;
    const { offset, period } = share?.stripe ?? { offset: 0, period: 1 };
    const generation = share?.generation ?? 1;
    if (this.#numbered.generation !== generation) this.#numbered = { generation, count: 0 };
    const index = offset + this.#numbered.count * period;
    this.#numbered.count += 1;
    this.#users += 1;
    return this.#host.makeUser(generation, index);
  }

  #back(user: VirtualUser): void {
    if (!this.#busy.delete(user)) return;
    this.#host.noteVus(-1);
    if (this.#over) user.close();
    else this.#idle.push(user);
    if (this.#over && this.#busy.size === 0) this.#end();
  }

  /** Nothing more is started: what runs has its grace. */
  #finish(): void {
    this.#over = true;
    this.#alarm?.close();
    if (this.#stopped) this.#dropRest();
    for (const user of this.#idle.splice(0)) user.close();
    if (this.#busy.size === 0) {
      this.#end();
      return;
    }
    for (const user of this.#busy) user.wake();
    this.#graceTimer = setTimeout(() => this.#cut(), Math.min(MAX_TIMER_MS, this.#scenario.gracefulStopMs));
  }

  #cut(): void {
    for (const user of [...this.#busy]) {
      this.#host.runner.interrupt(user);
      this.#back(user);
    }
  }

  #end(): void {
    clearTimeout(this.#graceTimer);
    this.#ended();
  }

  /** The run was stopped: what was still to come is not made, and counted. */
  #dropRest(): void {
    for (const { share, cursor, endUs } of this.#lines) {
      if (share.stripe === null || cursor.dueUs === Number.POSITIVE_INFINITY) continue;
      const toUs = endUs === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : endUs;
      this.#host.drop('stopped', countSlots(this.#schedule, share.stripe, cursor.dueUs, toUs));
    }
  }

  #takeShares(): void {
    const { shares } = this.#host.shares;
    for (; this.#seenShares < shares.length; this.#seenShares += 1) {
      const share = shares[this.#seenShares] as Share;
      const fromUs = share.fromMs * 1_000;
      for (const line of this.#lines) {
        line.endUs = Math.min(line.endUs, fromUs);
        line.cursor.endAt(fromUs);
      }
      if (share.stripe === null) continue;
      const cursor = new SlotCursor(this.#schedule, share.stripe, fromUs);
      this.#lines.push({ share, cursor, endUs: Number.POSITIVE_INFINITY });
    }
  }

  replan(): void {
    this.#takeShares();
    this.#look();
  }
  stop(): void {
    this.#stopped = true;
    this.#look();
  }
  /** Wakes whoever waits for the right to load, and looks at once. */
  #look(): void {
    this.#host.gate.release();
    if (this.#alarm !== null && !this.#over) this.#release();
  }
  progress(): number {
    const atMs = this.#host.clock.now() - this.#scenario.startTimeMs;
    return Math.min(1, Math.max(0, atMs / activeMsOf(this.#scenario)));
  }
}
