import type { SeriesSnapshot } from '@muster/metrics';
import { decodeNative, WindowPayload } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../http/error-codes.js';
import { type Exchange, unsentExchange } from '../http/exchange.js';
import { Recorder } from './recorder.js';

const ORIGIN_MS = 10_000;
const origin = { intendedUs: -1, iterationStartedMs: ORIGIN_MS, id: 1, iteration: 0 };

const setUp = () => {
  const windows: WindowPayload[] = [];
  const recorder = new Recorder({
    rowsPerSecond: 100,
    onSealed: ({ window }) => windows.push(decodeNative(WindowPayload, window)),
    beforeSeal: () => undefined,
  });
  const place = recorder.place('s', '', { team: 'a' });
  const exchange = (atMs: number, more: Partial<Exchange> = {}): Exchange => ({
    ...unsentExchange(CAUSES.other, ''),
    cause: null,
    sent: true,
    answered: true,
    status: 200,
    endedMs: atMs,
    startedMs: atMs,
    durationUs: 100,
    ...more,
  });
  const request = (atMs: number, more: Partial<Exchange> = {}, name = 'n', tags?: Record<string, string>) => {
    const { cause = null, status = 200 } = more;
    const expected = cause === null && status < 400;
    recorder.request(place, exchange(atMs, more), { name, method: 'GET', tags }, expected, origin);
  };
  return { recorder, windows, request, place };
};
const series = (window: WindowPayload | undefined, metric: string): SeriesSnapshot[] =>
  ((window?.series ?? []) as unknown as SeriesSnapshot[]).filter((each) => each.metric === metric);
const count = (window: WindowPayload | undefined, metric: string): number =>
  series(window, metric).reduce((sum, each) => sum + (each.values[0] ?? 0), 0);

describe('Recorder', () => {
  it('puts what was measured before the start into second -1', () => {
    const { recorder, windows, request } = setUp();
    request(9_000);
    recorder.begin(ORIGIN_MS);
    request(9_999);
    recorder.tick(9_999.9);
    expect(windows).toHaveLength(0);
    recorder.tick(ORIGIN_MS);
    expect(windows.map((each) => [each.second, each.sealedToMs])).toEqual([[-1, 0]]);
    expect(count(windows[0], 'http_reqs')).toBe(2);
  });

  it('seals every second, empty ones too, but nothing before the start when nothing was measured', () => {
    const { recorder, windows } = setUp();
    recorder.begin(ORIGIN_MS);
    recorder.tick(ORIGIN_MS + 3_100);
    expect(windows.map((each) => [each.second, each.sealedToMs])).toEqual([
      [0, 1_000],
      [1, 2_000],
      [2, 3_000],
    ]);
  });

  it('counts an exchange in the second in which it ended, however late the loop looks at the clock', () => {
    const { recorder, windows, request } = setUp();
    recorder.begin(ORIGIN_MS);
    request(ORIGIN_MS + 500);
    request(ORIGIN_MS + 2_000);
    recorder.finish(ORIGIN_MS + 2_300);
    expect(windows.map((each) => count(each, 'http_reqs'))).toEqual([1, 0, 1]);
    expect(windows.map((each) => each.rows)).toEqual([
      { measured: 1, kept: 1 },
      { measured: 0, kept: 0 },
      { measured: 1, kept: 1 },
    ]);
    expect(windows[2]?.sealedToMs).toBe(2_300);
  });

  it('seals after the load only what was measured after it, when it is asked to', () => {
    const { recorder, windows, request } = setUp();
    recorder.begin(ORIGIN_MS);
    recorder.finish(ORIGIN_MS + 500);
    recorder.flush(ORIGIN_MS + 600);
    recorder.tick(ORIGIN_MS + 5_000);
    expect(windows).toHaveLength(1);
    request(ORIGIN_MS + 5_100);
    recorder.flush(ORIGIN_MS + 5_200);
    expect(windows.map((each) => [each.second, each.sealedToMs])).toEqual([
      [0, 500],
      [5, 5_200],
    ]);
  });

  it('tags as k6 does, and keeps kinds of requests apart', () => {
    const { recorder, windows, request } = setUp();
    recorder.begin(ORIGIN_MS);
    request(ORIGIN_MS + 1);
    request(ORIGIN_MS + 1);
    request(ORIGIN_MS + 1, { status: 404 });
    request(ORIGIN_MS + 1, { status: 0, answered: false, sent: true, cause: CAUSES.reset });
    request(ORIGIN_MS + 1, {}, 'other', { name: 'other' });
    request(ORIGIN_MS + 1, {}, 'other', { name: 'other', kind: 'x' });
    recorder.finish(ORIGIN_MS + 2);
    const common = { team: 'a', scenario: 's', group: '', method: 'GET' };
    const ok = { ...common, status: '200', expected_response: 'true', proto: 'HTTP/1.1' };
    expect(series(windows[0], 'http_reqs').map((each) => [each.values[0], each.tags])).toEqual([
      [2, { ...ok, name: 'n' }],
      [1, { ...ok, name: 'n', status: '404', expected_response: 'false', error_code: '1404' }],
      [1, { ...common, name: 'n', status: '0', expected_response: 'false', error_code: '1220' }],
      [1, { ...ok, name: 'other' }],
      [1, { ...ok, name: 'other', kind: 'x' }],
    ]);
    expect(count(windows[0], 'started')).toBe(6);
    expect(count(windows[0], 'sent')).toBe(6);
    expect(count(windows[0], 'answered')).toBe(5);
    expect(windows[0]?.errors).toMatchObject([
      { code: 'ECONNRESET', count: 1, scenario: 's', firstAtMs: 1, message: expect.stringContaining('GET n') },
    ]);
  });

  it('counts what was cut off with its iteration, but does not judge it', () => {
    const { recorder, windows, place } = setUp();
    recorder.begin(ORIGIN_MS);
    const cutOff = { ...unsentExchange(CAUSES.interrupted, ''), sent: true, endedMs: ORIGIN_MS + 1 };
    recorder.request(place, cutOff, { name: 'n', method: '', tags: undefined }, true, origin);
    recorder.finish(ORIGIN_MS + 2);
    expect(count(windows[0], 'started')).toBe(1);
    expect(count(windows[0], 'sent')).toBe(1);
    expect(count(windows[0], 'http_reqs')).toBe(0);
    expect(windows[0]?.rows.measured).toBe(0);
  });

  it('groups failures, bounded in number', () => {
    const { recorder, windows } = setUp();
    recorder.begin(ORIGIN_MS);
    for (let n = 0; n < 3; n += 1) recorder.error('X', 'same\nwith a stack', 'a.ts:1:2', 's', ORIGIN_MS + n);
    for (let n = 0; n < 2_000; n += 1) recorder.error('X', `other ${n}`, null, '', ORIGIN_MS + 10);
    recorder.finish(ORIGIN_MS + 20);
    const errors = windows[0]?.errors ?? [];
    expect(errors.length).toBeLessThanOrEqual(501);
    expect(errors[0]).toEqual({
      code: 'X',
      message: 'same',
      where: 'a.ts:1:2',
      scenario: 's',
      count: 3,
      firstAtMs: 0,
      lastAtMs: 2,
    });
    expect(errors.reduce((sum, each) => sum + each.count, 0)).toBe(2_003);
  });
});
