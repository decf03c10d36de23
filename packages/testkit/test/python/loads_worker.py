"""A worker of the original, started by its agent for one RUN: it pushes what it measured each second, as `batch`.

Its order is JSON on standard input. Without `test_runner` each user asks `server_url` so often; with it, a process is
started for each user of each step, and tells its own rows.
"""
import base64
import datetime
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile

import zmq

TEST = "test_visit (visits.TestVisits)"


class Relay:
    """Collects records by kind, in their order; sends them each second with the standard encoder: spaces and all."""

    def __init__(self, order):
        self.order = order
        self.counts = {}
        self.lock = threading.Lock()
        self.context = zmq.Context()
        self.push = self.context.socket(zmq.PUSH)
        self.push.setsockopt(zmq.SNDHWM, 80960)
        self.push.connect(order["zmq_receiver"])
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()

    def add(self, data_type, **fields):
        with self.lock:
            self.counts.setdefault(data_type, []).append(fields)

    def relay(self):
        while not self.done.wait(1.0):
            self.send()
        self.send()

    def send(self):
        with self.lock:
            counts, self.counts = self.counts, {}
        if counts:
            envelope = {"data_type": "batch", "counts": counts}
            envelope.update({name: self.order[name] for name in ("agent_id", "hostname", "run_id")})
            self.push.send(json.dumps(envelope).encode())

    def close(self):
        self.done.set()
        self.thread.join()
        self.push.close()
        self.context.term()


def cycles(value):
    values = value if isinstance(value, list) else str(value).split(":")
    return [int(each) for each in values]


def visit(relay, url, status):
    started = datetime.datetime.utcnow()
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            response.read()
            code = response.status
    except urllib.error.HTTPError as error:
        code = error.code
    relay.add(
        "add_hit",
        url=url,
        method="GET",
        status=code,
        started=started.isoformat(),
        elapsed=time.monotonic() - begun,
        loads_status=status,
    )
    if code != 200:
        raise AssertionError("the answer was %d" % code)


def one(relay, order, status):
    relay.add("startTest", test=TEST, loads_status=status)
    try:
        if order.get("server_url"):
            visit(relay, order["server_url"], status)
        else:
            time.sleep(0.01)
        relay.add("my-counter", test=TEST, loads_status=status, agent_id="None")
        relay.add("addSuccess", test=TEST, loads_status=status)
    except AssertionError as error:
        info = ["<type 'exceptions.AssertionError'>", str(error), '  File "visits.py", line 7']
        relay.add("addFailure", test=TEST, exc_info=info, loads_status=status)
    relay.add("stopTest", test=TEST, loads_status=status)


def one_user(relay, order, hits, users, user):
    if order.get("duration") is not None:
        until = time.monotonic() + float(order["duration"])
        hit = 0
        while time.monotonic() < until:
            hit += 1
            one(relay, order, [0, users, hit, user])
        return
    for times in hits:
        for hit in range(1, times + 1):
            one(relay, order, [times, users, hit, user])


def in_process(relay, order, hits, users):
    for stage in users:
        threads = [
            threading.Thread(target=one_user, args=(relay, order, hits, stage, user), daemon=True)
            for user in range(stage)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def external(order, hits, users):
    """One process for each user of each step; leftovers of a step are ended when its time is over."""
    patience = float(order.get("external_process_timeout", 2))
    command = shlex.split(order["test_runner"].replace("{test}", order.get("fqn") or ""))
    for step in range(max(len(hits), len(users))):
        hits_now, users_now = hits[min(step, len(hits) - 1)], users[min(step, len(users) - 1)]
        env = {name: value for name, value in os.environ.items() if not name.startswith("LOADS_")}
        env.update(LOADS_ZMQ_RECEIVER=order["zmq_receiver"], LOADS_AGENT_ID=order["agent_id"])
        env.update(LOADS_RUN_ID=order["run_id"], LOADS_TOTAL_USERS=str(users_now))
        if order.get("duration") is not None:
            env["LOADS_DURATION"] = str(order["duration"])
            limit = float(order["duration"]) + patience
        else:
            env["LOADS_TOTAL_HITS"] = str(hits_now)
            limit = hits_now * patience
        processes = [
            subprocess.Popen(
                command,
                env=dict(env, LOADS_CURRENT_USER=str(user)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            for user in range(1, users_now + 1)
        ]
        until = time.monotonic() + limit
        while any(process.poll() is None for process in processes) and time.monotonic() < until:
            time.sleep(0.1)
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def main():
    order = json.load(sys.stdin)
    folder = tempfile.TemporaryDirectory(prefix="loads-")
    if order["filedata"]:
        zipfile.ZipFile(io.BytesIO(base64.b64decode(order["filedata"]))).extractall(folder.name)
    os.chdir(folder.name)
    # Like the original: a worker that is told to end loses its last second.
    signal.signal(signal.SIGTERM, lambda *_: (folder.cleanup(), os._exit(0)))
    relay = Relay(order)
    relay.add("startTestRun")
    hits, users = cycles(order.get("hits") or 1), cycles(order.get("users") or 1)
    if order.get("test_runner"):
        external(order, hits, users)
    else:
        in_process(relay, order, hits, users)
    relay.add("stopTestRun")
    relay.close()
    os.chdir("/")
    folder.cleanup()


if __name__ == "__main__":
    main()
