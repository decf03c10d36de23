/** `'30s'`, `'1m30s'`, `'500ms'`, or milliseconds. */
export type Duration = string | number;

export interface StageOption {
  readonly duration: Duration;
  readonly target: number;
}

interface AnyScenario {
  /** Name of an exported function. @default 'default' */
  readonly exec?: string;
  readonly startTime?: Duration;
  /** @default '30s' */
  readonly gracefulStop?: Duration;
  readonly env?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A scenario; `vus`, `rate` and shared `iterations` are for the whole cluster. */
export type ScenarioOption = AnyScenario &
  (
    | { readonly executor: 'constant-vus'; readonly vus?: number; readonly duration: Duration }
    | {
        readonly executor: 'ramping-vus';
        readonly startVUs?: number;
        readonly stages: readonly StageOption[];
        readonly gracefulRampDown?: Duration;
      }
    | {
        readonly executor: 'per-vu-iterations' | 'shared-iterations';
        readonly vus?: number;
        readonly iterations?: number;
        readonly maxDuration?: Duration;
      }
    | {
        readonly executor: 'constant-arrival-rate';
        readonly rate: number;
        readonly timeUnit?: Duration;
        readonly duration: Duration;
        readonly preAllocatedVUs: number;
        readonly maxVUs?: number;
      }
    | {
        readonly executor: 'ramping-arrival-rate';
        readonly startRate?: number;
        readonly timeUnit?: Duration;
        readonly stages: readonly StageOption[];
        readonly preAllocatedVUs: number;
        readonly maxVUs?: number;
      }
  );

/** `'p(95)<500'`, or with what a failure does. */
export type ThresholdOption =
  | string
  | { readonly threshold: string; readonly abortOnFail?: boolean; readonly delayAbortEval?: Duration };

/** What `export const options` may hold. */
export interface Options {
  readonly vus?: number;
  readonly duration?: Duration;
  readonly iterations?: number;
  readonly stages?: readonly StageOption[];
  readonly scenarios?: Readonly<Record<string, ScenarioOption>>;
  readonly thresholds?: Readonly<Record<string, readonly ThresholdOption[]>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly setupTimeout?: Duration;
  readonly teardownTimeout?: Duration;
  readonly handleSummaryTimeout?: Duration;
  readonly summaryTrendStats?: readonly string[];
  readonly maxRedirects?: number;
  readonly userAgent?: string;
  readonly insecureSkipTLSVerify?: boolean;
  readonly noConnectionReuse?: boolean;
  readonly noVUConnectionReuse?: boolean;
  readonly noCookiesReset?: boolean;
  readonly discardResponseBodies?: boolean;
  /** Calls of `http` reject when there is no answer. @default false */
  readonly throw?: boolean;
  readonly minIterationDuration?: Duration;
  /** A start later than this is not made but counted as dropped. @default '1s' */
  readonly maxLateness?: Duration;
  /** A connection for each user and host, or a pool for all users of a worker. @default 'per-vu' */
  readonly connections?: 'per-vu' | 'shared';
  readonly batch?: number;
  readonly batchPerHost?: number;
  /** Names to addresses: `{ 'shop.example': '127.0.0.1' }`. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** How names become addresses, and how connections are spread over them. */
  readonly dns?: DnsOption;
  /** Where relative URLs lead, as `http.get('/basket')`; `--server-url` wins. */
  readonly baseUrl?: string;
}

/** As in k6. */
export interface DnsOption {
  /** How long an answer is kept; `0`: each connection asks; `'inf'`: for ever. @default '5m' */
  readonly ttl?: Duration;
  /** Which of several addresses a connection goes to; the others follow when it takes none. @default 'random' */
  readonly select?: 'first' | 'random' | 'roundRobin';
  /** @default 'preferIPv4' */
  readonly policy?: 'preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any';
}
