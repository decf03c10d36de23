/** Longest duration that an option may name, and that a scenario may go on from the run's start: a year. */
export const MAX_DURATION_MS = 365 * 86_400_000;

/** Most users of a scenario; a guard against a slip of the keyboard, far above what a cluster holds. */
export const MAX_VUS = 10_000_000;

/** Most starts a second of a scenario: one in each microsecond, which is the grain of a schedule. */
export const MAX_STARTS_PER_SECOND = 1_000_000;

/** Most stages of the original's lists (`10:20:30`); each becomes a scenario. */
export const MAX_CYCLES = 1_000;

/** Most faults that are told one by one; the rest is counted. */
export const MAX_FAULTS = 100;
