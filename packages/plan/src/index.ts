/**
 * Options, executors, schedules and striping as pure functions.
 *
 * @packageDocumentation
 */
export {};
