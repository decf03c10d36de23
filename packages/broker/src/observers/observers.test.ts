import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../test/summary-of.js';
import { BUILT_IN } from './built-in.js';
import { originalObservers } from './loads-arguments.js';
import { ObserverBook } from './observer-book.js';
import { nativeEnd, originalEnd } from './run-end.js';

const choice = (names: readonly string[], options: Record<string, Record<string, unknown>> = {}) => ({
  names,
  options,
});
const optionsOf = (book: ObserverBook, ...asked: Parameters<typeof choice>) => book.ready(choice(...asked))[0]?.options;

describe('observers', () => {
  it('are found by name and by the name of their module in the original, each once', () => {
    const irc = { server: 'irc.example', channel: '#load' };
    const book = new ObserverBook(BUILT_IN, { irc });
    const ready = book.ready(choice(['irc', 'console', 'loads.observers.irc', 'console']));
    expect(ready.map(({ observer }) => observer.name)).toEqual(['irc', 'console']);
  });

  it('that are none are refused, with those there are', () => {
    expect(new ObserverBook(BUILT_IN).refusal(choice(['pager', 'os', '__proto__']))).toEqual({
      code: 'OBSERVER_UNKNOWN',
      message:
        'there is no observer "pager", "os", "__proto__"; there are: console, email, irc, slack, webhook, command',
    });
  });

  it('name every fault of their options at once, and repeat no value', () => {
    const refusal = new ObserverBook(BUILT_IN).refusal(
      choice(['irc', 'email', 'slack'], {
        irc: { server: 'a b', port: '99999', ssl: 'maybe', colour: 'red', ca: '/etc/passwd' },
        email: { recipient: 'me@example.org\r\nBcc: you@example.org', password: 'hush' },
        slack: { url: 'file:///etc/passwd' },
        webhook: { url: 'http://127.0.0.1' },
      }),
    );
    expect(refusal?.code).toBe('BAD_CONFIG');
    for (const part of [
      'webhook has options, and is not named',
      'irc: server must be one word',
      'irc: port must be a port',
      'irc: ssl must be true or false',
      'irc: there is no option "colour"',
      "irc: ca can be set only in the broker's configuration",
      'irc: channel is missing',
      'email: recipient must be one line',
      'slack: url must be an http or https URL',
    ])
      expect(refusal?.message).toContain(part);
    expect(refusal?.message).not.toMatch(/hush|passwd|Bcc/);
  });

  it.each([
    ['False', false],
    ['false', false],
    ['0', false],
    ['no', false],
    [false, false],
    ['True', true],
    [true, true],
  ])('read %j as %j', (given, value) => {
    const options = optionsOf(new ObserverBook(BUILT_IN), ['irc'], { irc: { server: 'x', channel: 'y', ssl: given } });
    expect(options?.ssl).toBe(value);
  });

  it('take what a run says over what the broker says, over defaults', () => {
    const book = new ObserverBook(BUILT_IN, {
      email: { recipient: 'ops@example.org', host: 'mail.example', user: 'm' },
    });
    const options = optionsOf(book, ['email'], { email: { recipient: 'me@example.org' } });
    expect(options).toMatchObject({ recipient: 'me@example.org', host: 'mail.example', user: 'm', port: 25 });
  });

  it("send the broker's login to no place that a run names", () => {
    const login = { user: 'muster', password: 'hush' };
    const book = new ObserverBook(BUILT_IN, { email: { recipient: 'a@b', host: 'mail.example', ...login } });
    expect(optionsOf(book, ['email'], { email: { host: 'mail.example', port: '25' } })).toMatchObject(login);
    for (const elsewhere of [{ host: 'evil.example' }, { port: 2525 }, { tls: 'false' }])
      expect(Object.keys(optionsOf(book, ['email'], { email: elsewhere }) ?? {})).not.toContain('password');
  });

  it('run a program only when the configuration of the broker names it', () => {
    const program = ['/usr/bin/true'];
    const asked = choice(['command'], { command: { program: '/bin/sh' } });
    expect(new ObserverBook(BUILT_IN).refusal(choice(['command']))?.message).toContain(
      "program is missing in the broker's configuration",
    );
    for (const settings of [{}, { command: { program } }])
      expect(new ObserverBook(BUILT_IN, settings).refusal(asked)?.message).toContain('can be set only');
    expect(optionsOf(new ObserverBook(BUILT_IN, { command: { program } }), ['command'])).toEqual({ program });
  });
});

describe('observers of a run of the original', () => {
  /** What its command sends when its user only names both. */
  const defaults = {
    observer_irc_server: 'irc.mozilla.org',
    observer_irc_channel: '#services-dev',
    observer_irc_port: 8443,
    observer_irc_ssl: true,
    observer_irc_nickname: 'loads',
    observer_email_host: 'localhost',
    observer_email_port: 25,
    observer_email_user: null,
    observer_email_password: null,
    observer_email_subject: 'Loads Results',
  };

  it('have their options in its arguments; those of others say nothing', () => {
    const observers = originalObservers(new ObserverBook(BUILT_IN));
    const args = { ...defaults, observer: ['irc'], observer_irc_ssl: 'False', observer_email_colour: 'red' };
    expect(observers.refusal(args)).toBeNull();
    expect(observers.choice(args)).toEqual({
      names: ['irc'],
      options: {
        irc: { server: 'irc.mozilla.org', channel: '#services-dev', port: 8443, ssl: 'False', nickname: 'loads' },
      },
    });
    expect(observers.refusal({ ...args, observer: 'irc', observer_irc_colour: 'red' })).toContain('colour');
    expect(observers.refusal({ observer: ['email'], ...defaults })).toContain('recipient is missing');
  });

  it('are refused, whatever stands in place of their names and options', () => {
    const observers = originalObservers(new ObserverBook(BUILT_IN));
    const odd = { toString: 1 };
    expect(observers.refusal({ observer: [odd, null, 7] })).toContain('there is no observer');
    for (const value of [odd, [], 'constructor', '__proto__'])
      expect(observers.refusal({ ...defaults, observer: 'irc', observer_irc_ssl: value })).toContain('ssl must be');
    expect(observers.refusal({ ...defaults, observer: 'irc', observer_irc_server: odd })).toContain('server must be');
  });

  it('have defaults that nobody wrote, which say nothing where the broker knows better', () => {
    const email = { host: 'mail.example', port: 587, user: 'muster', password: 'hush', recipient: 'a@b' };
    const book = new ObserverBook(BUILT_IN, { email });
    const observers = originalObservers(book);
    const [ready] = book.ready(observers.choice({ ...defaults, observer: ['email'] }));
    expect(ready?.options).toMatchObject(email);
  });
});

describe('what observers are told', () => {
  it('of a native run is its verdict in one line, and where it is seen', () => {
    const line =
      'shop.ts failed (exit 99): threshold http_req_duration p(95)<200 failed: 231.4; 40000 requests in 20.5 s, coverage 100.0 %';
    expect(nativeEnd(summaryOf(), null)).toMatchObject({ text: line, link: null, verdict: 'failed', exitCode: 99 });
    expect(nativeEnd(summaryOf(), 'https://load.example/').text).toBe(`${line}, https://load.example/run/r`);
  });

  it('of a run of the original are its figures with the right rate, or a link in their place', () => {
    const counts = { startTest: 12, stopTest: 10, add_hit: 400, socket_open: 3, addFailure: 2 };
    const metadata = { started: 1_700_000_000, ended: 1_700_000_012.5, fqn: 'shop.Shop.test_buy' };
    expect(originalEnd('r', counts, metadata, null)).toMatchObject({
      name: 'shop.Shop.test_buy',
      text: 'Test Over. tests: 10, duration: 12.50 s, hits: 400, RPS: 32.00, sockets: 3',
      startedAt: '2023-11-14T22:13:20.000Z',
      totals: { rps: 32, failures: 2, errors: 0 },
    });
    expect(originalEnd('r', counts, metadata, 'http://load').text).toBe('Test Over. http://load/run/r');
    expect(originalEnd('r', {}, {}, null).text).toContain('hits: 0, RPS: 0.00');
  });
});
