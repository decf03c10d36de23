import { MusterError } from '@muster/protocol';
import { z } from 'zod';

/** A part of a run: so many users at the same time, each for so many hits or for so long. */
export interface Step {
  readonly users: number;
  /** Null when the step goes by time. */
  readonly hits: number | null;
  /** The numbers of which `hits` is the sum, one after the other. @default hits alone */
  readonly cycle?: readonly number[];
  /** Null when it goes by hits. */
  readonly durationS: number | null;
}

/** What is to be run. */
export type Target =
  /** A program and its arguments; one process for each user of a step. */
  | { readonly kind: 'program'; readonly command: string; readonly args: readonly string[] }
  /** A test file of ours among the files that came along; one worker for each step. */
  | { readonly kind: 'test'; readonly file: string; readonly exec: string };

/** The arguments of a `RUN`, read. */
export interface RunSpec {
  readonly target: Target;
  /** The test's name as the client wrote it, or the command. */
  readonly label: string;
  readonly steps: readonly Step[];
  /** `external_process_timeout`: a step by hits may take so long for each hit, one by time so much longer than that. */
  readonly timeoutMs: number;
  /** Where the run's folder is to be made; null: a private one that goes away. */
  readonly testDir: string | null;
  readonly serverUrl: string | null;
}

/** The original's default: 2 s. */
const TIMEOUT_S = 2;
/** Processes at the same time: a step with more users is refused. */
export const MAX_USERS = 1_000;
const MAX_STEPS = 1_000;
const MAX_SECONDS = 30 * 24 * 3_600;

/** `10:20:30`, a list, or one number. */
const Cycle = z
  .union([
    z.int(),
    z.string().regex(/^\d{1,9}(:\d{1,9})*$/),
    z.array(z.union([z.int(), z.string().regex(/^\d{1,9}$/)])),
  ])
  .transform((given) =>
    (Array.isArray(given) ? given : typeof given === 'string' ? given.split(':') : [given]).map(Number),
  );
const Seconds = z
  .union([z.number(), z.string().regex(/^\d+(\.\d+)?$/)])
  .transform(Number)
  .pipe(z.number().positive().max(MAX_SECONDS));
const Words = z.string().max(65_536);

const Args = z.looseObject({
  test_runner: Words.nullish(),
  fqn: Words.nullish(),
  users: Cycle.nullish(),
  hits: Cycle.nullish(),
  duration: Seconds.nullish(),
  external_process_timeout: Seconds.nullish(),
  test_dir: z.string().min(1).max(1_024).nullish(),
  server_url: z.string().max(8_192).nullish(),
});

const TEST_FILE = /^(?<file>[^:\0]+\.[cm]?[jt]s)(?::(?<exec>[A-Za-z_$][\w$]*))?$/;

/**
 * Reads what a `RUN` asks for.
 *
 * @throws MusterError `BAD_OPTIONS`: what is wrong with which argument.
 */
export const readRunSpec = (args: Readonly<Record<string, unknown>>): RunSpec => {
  const read = Args.safeParse(args);
  if (!read.success) {
    const [first] = read.error.issues;
    throw new MusterError('BAD_OPTIONS', `${first?.path.join('.') ?? 'args'}: ${first?.message ?? 'does not fit'}`);
  }
  const { test_runner: runner, fqn, server_url: serverUrl } = read.data;
  const target = targetOf(runner ?? '', fqn ?? '');
  const timeoutS = read.data.external_process_timeout ?? TIMEOUT_S;
  const cycles = { users: read.data.users ?? [1], hits: read.data.hits ?? [1], durationS: read.data.duration ?? null };
  return {
    target,
    label: fqn || runner || '',
    steps: target.kind === 'program' ? stepsOf(cycles) : stagesOf(cycles),
    timeoutMs: timeoutS * 1_000,
    testDir: read.data.test_dir ?? null,
    serverUrl: serverUrl ?? null,
  };
};

const targetOf = (runner: string, fqn: string): Target => {
  if (runner.trim() !== '') {
    const [command, ...args] = splitCommand(runner).map((word) => word.replaceAll('{test}', fqn));
    if (command === undefined) throw new MusterError('BAD_OPTIONS', 'test_runner names no program');
    return { kind: 'program', command, args };
  }
  const { file, exec } = TEST_FILE.exec(fqn)?.groups ?? {};
  if (file === undefined || file.startsWith('/') || file.split(/[/\\]/).includes('..'))
    throw new MusterError('BAD_OPTIONS', `"${fqn}" is nothing that this agent can run`, {
      hint: 'give test_runner, or an fqn like file.ts or file.ts:export among the files that come along',
    });
  return { kind: 'test', file, exec: exec ?? 'default' };
};

interface Cycles {
  readonly users: readonly number[];
  readonly hits: readonly number[];
  readonly durationS: number | null;
}

/** Of an external runner: users and hits in pairs, the last of the shorter list again and again. */
const stepsOf = ({ users, hits, durationS }: Cycles): readonly Step[] => {
  const count = durationS === null ? Math.max(users.length, hits.length) : users.length;
  return checked(
    Array.from({ length: Math.min(count, MAX_STEPS + 1) }, (_, index) => ({
      users: users[index] ?? users.at(-1) ?? 1,
      hits: durationS === null ? (hits[index] ?? hits.at(-1) ?? 1) : null,
      durationS,
    })),
  );
};

/** Of a test: one stage for each number of users, in which each goes through all of the hits. */
const stagesOf = ({ users, hits, durationS }: Cycles): readonly Step[] => {
  const all = hits.reduce((sum, each) => sum + each, 0);
  return checked(
    users.map((each) => ({
      users: each,
      hits: durationS === null ? all : null,
      ...(durationS === null && hits.length > 1 ? { cycle: hits } : {}),
      durationS,
    })),
  );
};

const checked = (steps: readonly Step[]): readonly Step[] => {
  if (steps.length === 0 || steps.length > MAX_STEPS)
    throw new MusterError('BAD_OPTIONS', `users and hits must have from 1 to ${MAX_STEPS} steps`);
  for (const { users, hits } of steps) {
    if (users < 1 || users > MAX_USERS) throw new MusterError('BAD_OPTIONS', `users: from 1 to ${MAX_USERS} at a time`);
    if (hits !== null && hits < 1) throw new MusterError('BAD_OPTIONS', 'hits: must be at least 1');
  }
  return steps;
};

/** Words between blanks; quotes keep blanks in a word. No shell: nothing else has a meaning. */
export const splitCommand = (text: string): readonly string[] =>
  [...text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(
      /"([^"]*)"|'([^']*)'/g,
      (_, double: string | undefined, single: string | undefined) => double ?? single ?? '',
    ),
  );

/** How long a step may take at most; null without a bound: a test of ours ends by itself. */
export const stepLimitMs = ({ target, timeoutMs }: RunSpec, { hits, durationS }: Step): number | null => {
  if (durationS !== null) return durationS * 1_000 + (target.kind === 'program' ? timeoutMs : TEST_GRACE_MS);
  return target.kind === 'program' ? (hits ?? 1) * timeoutMs : null;
};

/** Beyond its time a test's workers may be loading, setting up, and letting what runs end. */
const TEST_GRACE_MS = 120_000;
