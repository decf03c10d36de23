/**
 * Mergeable histograms, counters, series, windows and thresholds.
 *
 * @packageDocumentation
 */
export {};
