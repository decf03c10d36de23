#!/usr/bin/env node
// An external runner in plain Node: one virtual user that requests a URL and tells what it measured.
// The URL is the first argument, or LOADS_SERVER_URL.
import { AssertionError, ok } from 'node:assert/strict';
import { openPush } from './push.mjs';

const env = process.env;
const url = process.argv[2] ?? env.LOADS_SERVER_URL;
const test = 'visit (runner.mjs)';
const users = Number(env.LOADS_TOTAL_USERS);
const user = Number(env.LOADS_CURRENT_USER);
// One of the two is there: so many hits, or so many seconds.
const hits = Number(env.LOADS_TOTAL_HITS ?? 0);
const seconds = Number(env.LOADS_DURATION ?? 0);

const push = await openPush(env.LOADS_ZMQ_RECEIVER);

/** One row, one JSON message. */
const row = (data_type, hit, fields) =>
  push.send(
    JSON.stringify({
      data_type,
      agent_id: env.LOADS_AGENT_ID,
      run_id: env.LOADS_RUN_ID,
      loads_status: [hits, users, hit, user],
      ...fields,
    }),
  );

const visit = async (hit) => {
  const started = new Date().toISOString().replace(/Z$/, '');
  const begunMs = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  const elapsed = (performance.now() - begunMs) / 1_000;
  const { status } = response;
  await row('add_hit', hit, { url, method: 'GET', status, started, elapsed });
  ok(status === 200, `the answer was ${status}`);
};

const oneTest = async (hit) => {
  await row('startTest', hit, { test });
  try {
    await visit(hit);
    await row('addSuccess', hit, { test });
  } catch (error) {
    const kind = error instanceof AssertionError ? 'addFailure' : 'addError';
    await row(kind, hit, { test, exc_info: [error.name, error.message, error.stack ?? ''] });
  }
  await row('stopTest', hit, { test });
};

const untilMs = performance.now() + seconds * 1_000;
for (let hit = 1; hit <= hits || (hits === 0 && performance.now() < untilMs); hit += 1) await oneTest(hit);
await push.close();
