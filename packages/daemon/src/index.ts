/**
 * What the programs of broker and agent have in common: settings from flags, variables and a file, the lock on a data
 * folder, the log, the checksum of what lies on disk. Knows neither of them; for sister packages only, and changes without notice.
 *
 * @packageDocumentation
 */
export { crc32 } from './crc32.js';
export { type FolderLock, type LockOwner, lockFolder } from './data-folder/folder-lock.js';
export { readObject } from './data-folder/read-object.js';
export { writeWhole } from './data-folder/write-whole.js';
export { type Logger, makeLogger } from './log.js';
export { allProcesses, bootId, environmentOf, isLiving, type ProcessStat, processStat } from './process-stat.js';
export type { Alias, FurtherFlag, Program } from './settings/program-command.js';
export { type GivenSettings, readSettings, type SettingSources } from './settings/read-settings.js';
export {
  configError,
  LOG_LEVELS,
  type LogLevel,
  type Setting,
  type SettingFault,
  type SettingKind,
  type SettingValue,
} from './settings/setting.js';
export { SettingTable } from './settings/setting-table.js';
export type { SettingValues } from './settings/setting-values.js';
export { versionOf } from './version-of.js';
