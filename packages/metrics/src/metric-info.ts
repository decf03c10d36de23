export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';
/** What a metric's values are: plain numbers, milliseconds, or bytes. */
export type Contains = 'default' | 'time' | 'data';
/** `us`: integer microseconds, shown as milliseconds. `fixed`: millionths of the value as given. */
export type TrendUnit = 'us' | 'fixed';

/** What a metric is, apart from its values. */
export interface MetricInfo {
  readonly type: MetricType;
  readonly contains: Contains;
  /** Only of weight for trends. */
  readonly unit: TrendUnit;
  /**
   * A gauge of which each source holds a part (the virtual users of a worker): the whole is the sum over the sources,
   * second by second. Other gauges take the last value, whoever it came from.
   */
  readonly summed?: true;
}

/**
 * Whether a text can name a metric: a letter or `_`, then letters, digits, `_`, `.` and `-`, 128 in all at most. What
 * can't be written in a threshold's key is no name.
 */
export const isMetricName = (name: string): boolean => /^[A-Za-z_][\w.-]{0,127}$/.test(name);
