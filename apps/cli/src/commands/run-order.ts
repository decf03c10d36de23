import type { Place } from '../place.js';

/** The flags of `muster run`, as commander gives them. */
export interface RunFlags {
  readonly broker?: string;
  readonly agents?: number;
  readonly vus?: number;
  readonly duration?: string;
  readonly iterations?: number;
  readonly stage?: readonly string[];
  readonly users?: string;
  readonly hits?: string;
  readonly env?: readonly string[];
  readonly quiet: boolean;
  readonly summaryExport?: string;
  readonly detach: boolean;
  readonly raw: 'thinned' | 'all' | 'none';
  readonly seed?: number;
  readonly minCoverage?: number;
  readonly orphan: 'continue' | 'stop';
  readonly observer?: readonly string[];
  readonly workers?: number;
  readonly data: string;
  readonly ssh?: string;
  readonly testRunner?: string;
  readonly externalProcessTimeout?: number;
  readonly includeFile?: readonly string[];
  readonly npmDep?: readonly string[];
  readonly pythonDep?: readonly string[];
  readonly serverUrl?: string;
  readonly dnsResolve?: boolean;
  readonly projectName?: string;
  readonly userId?: string;
  readonly testDir?: string;
  readonly output?: readonly string[];
  readonly outputFileFilename?: string;
  readonly outputJunitFilename?: string;
}

/** What `muster run` was told, from the command line and the config file together. */
export interface RunOrder {
  readonly file: string | null;
  readonly flags: RunFlags;
  readonly place: Place;
  /** By the original's names, as `observer_irc_server`. */
  readonly observerOptions: ReadonlyMap<string, string>;
}
