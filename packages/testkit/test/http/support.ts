import {
  BaseUrl,
  ConnectionPool,
  type ConnectionShared,
  CookieJar,
  Deadlines,
  type Exchange,
  HttpClient,
  type HttpOptions,
  type HttpUser,
  type RecordedRequest,
  Resolver,
  TargetUrls,
  tlsSettings,
  WriteTurn,
} from '@muster/engine/internal';
import { parseDuration } from '@muster/plan';
import { TEST_AUTHORITY } from '@muster/testkit/target';

/** A virtual user that notes what was recorded. */
export class TestUser implements HttpUser {
  readonly connections: ConnectionPool;
  readonly jar = new CookieJar();
  readonly recorded: {
    readonly exchange: Exchange;
    readonly request: RecordedRequest & { readonly expected: boolean };
  }[] = [];
  cancelled = false;

  constructor(connections = new ConnectionPool()) {
    this.connections = connections;
  }
  record(exchange: Exchange, { name, method, tags }: RecordedRequest, expected: boolean): void {
    this.recorded.push({ exchange, request: { name, method, tags, expected } });
  }
  /** The latest exchange. */
  get last(): Exchange {
    const found = this.recorded.at(-1);
    if (found === undefined) throw new Error('nothing was recorded');
    return found.exchange;
  }
}

export interface ClientSettings extends Partial<HttpOptions> {
  /** Whose calls they are; a function where they belong to several in turn. */
  readonly user?: TestUser | (() => TestUser);
  readonly hosts?: Readonly<Record<string, string>>;
  readonly insecureSkipTLSVerify?: boolean;
  readonly baseUrl?: string;
  readonly shared?: Partial<ConnectionShared>;
}

/** A client with a user of its own; it trusts the test authority. */
export const makeClient = (settings: ClientSettings = {}) => {
  const {
    user = new TestUser(),
    hosts = {},
    insecureSkipTLSVerify = false,
    shared,
    baseUrl = '',
    ...options
  } = settings;
  const http = new HttpClient({
    user: typeof user === 'function' ? user : () => user,
    urls: new TargetUrls(hosts, 'Muster/test'),
    base: new BaseUrl(baseUrl),
    shared: {
      deadlines: new Deadlines(),
      resolver: new Resolver(),
      writes: new WriteTurn(),
      tls: tlsSettings(insecureSkipTLSVerify, TEST_AUTHORITY),
      ...shared,
    },
    options: {
      maxRedirects: 10,
      discardResponseBodies: false,
      noConnectionReuse: false,
      throw: false,
      batch: 20,
      batchPerHost: 6,
      ...options,
    },
    parseDuration,
  });
  return { http, user: typeof user === 'function' ? user() : user };
};
