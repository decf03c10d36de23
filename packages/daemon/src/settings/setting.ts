import { MusterError } from '@muster/protocol';

/** How a setting is read. */
export type SettingKind = 'endpoint' | 'text' | 'folder' | 'url' | 'flag' | 'whole' | 'level' | 'labels';

/** One thing that a program can be told, the same by flag, variable and config file. */
export interface Setting {
  readonly kind: SettingKind;
  readonly help: string;
  /** The flag, where it is not the name in other letters; the variable follows it. */
  readonly flag?: string;
  /** The variable, where it does not follow the flag. */
  readonly variable?: string;
  /** Bounds of a `whole` one. @default 1 and none */
  readonly least?: number;
  readonly most?: number;
  /** Of a `flag` that is on by default: it has a `--no-` form. @default false */
  readonly negatable?: boolean;
}

/** The value of a setting once read. */
export type SettingValue = string | number | boolean | Readonly<Record<string, string>>;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A fault of one setting; `where` is the flag, the variable or the line of the file. */
export interface SettingFault {
  readonly where: string;
  readonly message: string;
}

/** All faults of a configuration as one error. */
export const configError = (faults: readonly SettingFault[]): MusterError =>
  new MusterError('BAD_CONFIG', faults.map((fault) => `${fault.where}: ${fault.message}`).join('; '), {
    details: faults,
  });
