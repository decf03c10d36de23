import { startCluster } from '@muster/cluster';
import type { Endpoints } from '@muster/protocol';
import { Random } from '../simulator/random.js';
import { Asker } from './asker.js';
import { AgentAttack } from './attack-agent.js';
import { BrokerAttack } from './attack-broker.js';
import { GoodCitizens } from './good-citizens.js';
import { GoodClient } from './original-peer.js';
import { errorLines, residentMiB } from './processes.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Hears how it goes. */
  readonly say?: (line: string) => void;
}

/** What was done, and what it cost. Whatever went wrong was thrown. */
export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  /** Wrong messages to the broker's sockets, questions to its frontend, and messages to the two agents. */
  readonly sent: { readonly broker: number; readonly questions: number; readonly agents: number };
  /** Rounds of a native run and one of the original that were exact; pings that were answered. */
  readonly good: { readonly rounds: number; readonly pings: number };
  /** Resident memory in MiB: the most in the first third, the most after it, and the last. */
  readonly memory: Readonly<Record<string, { readonly early: number; readonly late: number; readonly last: number }>>;
}

/** Memory after the first third may be so much more than in it: pages of rows and caches fill slowly. */
export const MEMORY_BOUND_MIB = 300;
const WATCH_MS = 1_000;
const ASKERS = 4;
/** Wrong messages in a burst, and between bursts the others' turn. */
const BURST = 20;
const PAUSE_MS = 10;
/** So long between two rounds everybody may sign on. */
const LOUD_MS = 4_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Sends wrong messages to every socket of a broker and of two agents, for so long, all drawn from one seed (their timing
 * is not). Meanwhile others work with the same broker and must not notice.
 *
 * @throws Error for the first thing that does not hold: a process ended or logged an error, a question had no answer or
 * two, a count was not exact, memory grew on.
 */
export const fuzz = async ({ seed, minutes, say = () => undefined }: FuzzOptions): Promise<FuzzReport> => {
  const begun = performance.now();
  const end = begun + minutes * 60_000;
  let failed = false;
  const isOver = () => failed || performance.now() > end;
  const brokerFlags = ['--poll-ms', '500', '--heartbeat', 'tcp://127.0.0.1:*', '--heartbeat-ms', '700'];
  const cluster = await startCluster({ agents: 1, brokerFlags });
  const first = new GoodClient(cluster.endpoint);
  const { pid, endpoints } = (await first.result('PING')) as { readonly pid: number; readonly endpoints: Endpoints };
  await first.close();

  const good = await GoodCitizens.start(endpoints);
  const attack = new BrokerAttack(endpoints, new Random(seed, 1));
  const askers = Array.from(
    { length: ASKERS },
    (_, index) => new Asker(endpoints.frontend, new Random(seed, 10 + index)),
  );
  const agents = [new AgentAttack(new Random(seed, 2), true), new AgentAttack(new Random(seed, 3), false)];
  const memory = new Map<string, { early: number; late: number; last: number }>();

  const noteMemory = (name: string, mib: number): void => {
    const known = memory.get(name) ?? { early: 0, late: 0, last: 0 };
    const isEarly = performance.now() - begun < (end - begun) / 3;
    known[isEarly ? 'early' : 'late'] = Math.max(known[isEarly ? 'early' : 'late'], Math.round(mib));
    known.last = Math.round(mib);
    memory.set(name, known);
    if (known.late > known.early + MEMORY_BOUND_MIB && known.early > 0)
      throw new Error(`${name} holds ${known.late} MiB, ${known.early} MiB in the first third`);
  };
  const watch = async (): Promise<void> => {
    for (; !isOver(); await pause(WATCH_MS)) {
      const rss = residentMiB(pid);
      if (rss === null || (await good.ping()) !== pid) throw new Error('the broker is not the one that was started');
      noteMemory('broker', rss);
      for (const agent of agents) noteMemory(agent.name, agent.rssMiB);
      const faults = errorLines(cluster.logs());
      if (faults.length > 0) throw new Error(`broker or agent logged:\n${faults.slice(0, 10).join('\n')}`);
    }
  };
  const flood = async (): Promise<void> => {
    for (; !isOver(); await pause(PAUSE_MS)) for (let count = BURST; count > 0; count -= 1) attack.step();
  };
  const work = async (): Promise<void> => {
    while (!isOver()) {
      attack.mayRegister = false;
      await good.sendOthersAway();
      await good.round();
      attack.mayRegister = true;
      say(`${good.rounds} rounds, ${attack.sent} messages, memory ${JSON.stringify(Object.fromEntries(memory))}`);
      await pause(Math.min(LOUD_MS, Math.max(0, end - performance.now())));
    }
  };
  const repeat = async (act: () => Promise<void>): Promise<void> => {
    while (!isOver()) await act();
  };

  try {
    for (const agent of agents) await agent.start();
    const parts = [
      watch(),
      flood(),
      work(),
      ...askers.map((asker) => repeat(() => asker.round(isOver))),
      ...agents.map((agent) => repeat(() => agent.round())),
    ];
    const noting = parts.map((part) =>
      part.catch((thrown: unknown) => {
        failed = true;
        throw thrown;
      }),
    );
    await Promise.all(noting).catch(async (thrown: unknown) => {
      await Promise.allSettled(noting);
      throw thrown;
    });
  } catch (thrown) {
    throw new Error(`seed ${seed}: ${(thrown as Error).message}\n${cluster.logs().slice(-5_000)}`, { cause: thrown });
  } finally {
    await attack.close();
    await Promise.all(agents.map((agent) => agent.close()));
    await good.close();
    await cluster.stop();
  }
  return {
    seed,
    seconds: Math.round((performance.now() - begun) / 1_000),
    sent: {
      broker: attack.sent,
      questions: askers.reduce((sum, { asked }) => sum + asked, 0),
      agents: agents.reduce((sum, { sent }) => sum + sent, 0),
    },
    good: { rounds: good.rounds, pings: good.pings },
    memory: Object.fromEntries(memory),
  };
};
