import { MusterError } from '@muster/protocol';

/** Flags that say how much an external program is run. */
export interface ExternalLoadFlags {
  readonly users?: string;
  readonly vus?: number;
  readonly hits?: string;
  readonly duration?: string;
}

/** The same as the original's arguments. */
export interface ExternalLoad {
  readonly users: readonly number[];
  readonly hits?: readonly number[];
  readonly durationS?: number;
}

/** @throws MusterError `BAD_CONFIG` */
export const externalLoad = ({ users, vus, hits, duration }: ExternalLoadFlags): ExternalLoad => {
  if (users !== undefined && vus !== undefined)
    throw new MusterError('BAD_CONFIG', '--users and --vus say the same twice');
  if (hits !== undefined && duration !== undefined)
    throw new MusterError('BAD_CONFIG', '--hits and --duration exclude each other');
  return {
    users: users === undefined ? [vus ?? 1] : cycle('--users', users),
    ...(hits === undefined ? {} : { hits: cycle('--hits', hits) }),
    ...(duration === undefined ? {} : { durationS: seconds(duration) }),
  };
};

/** `10:20:30` as numbers. */
const cycle = (flag: string, text: string): readonly number[] => {
  if (/^[1-9]\d{0,8}(:[1-9]\d{0,8})*$/.test(text)) return text.split(':').map(Number);
  throw new MusterError('BAD_CONFIG', `${flag} "${text}" is not a list of numbers like 10:20:30`);
};

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 };

/** `30` and `30s` are seconds, `1m30s` is 90. External programs are told whole seconds. */
const seconds = (text: string): number => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)?/g)];
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? 's'] ?? 1), 0);
  if (parts.map(([all]) => all).join('') !== text || !Number.isInteger(total) || total < 1)
    throw new MusterError('BAD_CONFIG', `--duration "${text}" is not whole seconds, as in 30, 30s or 1m30s`);
  return total;
};
