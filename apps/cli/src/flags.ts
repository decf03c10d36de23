import { parseDuration } from '@muster/plan';
import { MusterError } from '@muster/protocol';
import { InvalidArgumentError } from 'commander';

/** Default frontend of a broker. */
export const DEFAULT_BROKER = 'tcp://127.0.0.1:7780';
/** Where results of this machine stay. */
export const DEFAULT_DATA = '.muster';

/** A flag's value as a whole number of at least `least`. */
export const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`must be a whole number of at least ${least}, not "${text}".`);
    }
    return value;
  };

/** A share between 0 and 1. */
export const share = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError(`must be between 0 and 1, not "${text}".`);
  return value;
};

/** Seconds above 0. */
export const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError(`must be a number of seconds, not "${text}".`);
  return value;
};

/** Collects a flag that may be given again. */
export const collect = (value: string, sofar: readonly string[] = []): readonly string[] => [...sofar, value];

/** `30s`, `1m30s`; whole seconds without a unit, as the original has them. */
export const duration = (text: string): string => {
  const written = text.trim().replace(/^\d+$/, '$&s');
  if (parseDuration(written) !== null) return written;
  throw new MusterError('BAD_CONFIG', `"${text}" is not a duration`, { hint: 'as in 30s, 1m30s or 500ms' });
};

/** `10s:5` → a stage of k6. */
export const stages = (texts: readonly string[]): { duration: string; target: number }[] =>
  texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const match = /^([^:]+):(\d+)$/.exec(text.trim());
      if (match?.[1] === undefined) {
        throw new MusterError('BAD_CONFIG', `--stage "${text}" is not DURATION:TARGET`, {
          hint: 'as in --stage 30s:10',
        });
      }
      return { duration: duration(match[1]), target: Number(match[2]) };
    });

/** `-e NAME=value`, or `-e NAME` for the value of this shell's variable. */
export const environment = (
  texts: readonly string[],
  shell: Readonly<Record<string, string | undefined>>,
): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      const name = at < 0 ? text : text.slice(0, at);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new MusterError('BAD_CONFIG', `-e "${text}" is not NAME=value`, {
          hint: 'as in -e BASE_URL=http://127.0.0.1:8080',
        });
      }
      return [name, at < 0 ? (shell[name] ?? '') : text.slice(at + 1)];
    }),
  );

/** The broker that a command asks when it names none: the flag, then `MUSTER_BROKER`, else null. */
export const namedBroker = (
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | null => flag ?? (env.MUSTER_BROKER === undefined || env.MUSTER_BROKER === '' ? null : env.MUSTER_BROKER);
