import { type ChildProcess, spawn } from 'node:child_process';
import type { Observer } from './observer.js';
import { refused } from './refused.js';
import type { RunEnd } from './run-end.js';

/** `EX_TEMPFAIL` of sysexits.h: try again later. */
const TRY_AGAIN = 75;
/** The end of what a program said on standard error that is logged, in characters. */
const MAX_SAID = 2_000;
/** Longest value of a variable, in characters. */
const MAX_FACT = 8_000;

/** Runs a program of the broker's configuration, without a shell: the end of the run on its standard input as JSON. */
export const commandObserver: Observer = {
  name: 'command',
  options: {
    program: {
      kind: 'words',
      help: 'a path, or a JSON list of a path and arguments',
      required: true,
      brokerOnly: true,
    },
  },
  finished: (end, { options, log, signal }) => {
    const [program = '', ...args] = options.program as readonly string[];
    // A group of its own, so that what it started ends with it.
    const child = spawn(program, args, { env: environmentOf(end), stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-MAX_SAID);
    });
    // It need not read what it is told.
    child.stdin.on('error', () => undefined).end(`${JSON.stringify(end)}\n`);
    const kill = () => killGroup(child);
    signal.addEventListener('abort', kill);
    return new Promise<void>((resolve, reject) => {
      child.once('error', (thrown: NodeJS.ErrnoException) =>
        reject(refused(`the program can't be started: ${thrown.code ?? 'unknown'}`, thrown)),
      );
      child.once('exit', (code, killedBy) => {
        if (said !== '') log.info({ run: end.run, observer: 'command', said }, 'what the program said');
        if (code === 0) resolve();
        else if (code === TRY_AGAIN) reject(new Error(`exit code ${code}: later`));
        else reject(refused(code === null ? `it was ended by ${killedBy}` : `exit code ${code}`));
      });
    }).finally(() => signal.removeEventListener('abort', kill));
  },
};

const killGroup = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
};

/** The broker's own, without its settings, some of which are secrets; and what a short program wants to know. */
const environmentOf = (end: RunEnd): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_'));
  const facts = {
    MUSTER_RUN: end.run,
    MUSTER_NAME: end.name,
    MUSTER_DIALECT: end.dialect,
    MUSTER_TEXT: end.text,
    MUSTER_LINK: end.link,
    MUSTER_VERDICT: end.verdict,
    MUSTER_EXIT_CODE: end.exitCode,
    MUSTER_REASON: end.reason,
    MUSTER_STARTED_AT: end.startedAt,
    MUSTER_ENDED_AT: end.endedAt,
    MUSTER_DURATION_MS: Math.round(end.durationMs),
  };
  const given = Object.entries(facts).map(([name, value]) => [name, shown(value)]);
  return Object.fromEntries([...own, ...given]);
};

/** What a variable can hold: no NUL, and no more than a system takes (128 KiB on Linux). */
const shown = (value: string | number | null): string =>
  String(value ?? '')
    .replaceAll('\0', '')
    .slice(0, MAX_FACT);
