#!/usr/bin/env python3
"""An external runner in Python: one virtual user that requests a URL and tells what it measured.

Needs pyzmq (Debian: python3-zmq) on the machines of the agents, and nothing else.
The URL is the first argument, or LOADS_SERVER_URL.
"""
import datetime
import os
import sys
import time
import traceback
import urllib.error
import urllib.request

import zmq

URL = sys.argv[1] if len(sys.argv) > 1 else os.environ["LOADS_SERVER_URL"]
TEST = "visit (runner.py)"
USERS = int(os.environ["LOADS_TOTAL_USERS"])
USER = int(os.environ["LOADS_CURRENT_USER"])
# One of the two is there: so many hits, or so many seconds.
HITS = int(os.environ.get("LOADS_TOTAL_HITS", "0"))
SECONDS = float(os.environ.get("LOADS_DURATION", "0"))


class Reporter:
    """Pushes one JSON message a row. Closing waits until everything has left."""

    def __init__(self):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUSH)
        self.socket.connect(os.environ["LOADS_ZMQ_RECEIVER"])

    def row(self, data_type, hit, **fields):
        self.socket.send_json(
            {
                "data_type": data_type,
                "agent_id": os.environ["LOADS_AGENT_ID"],
                "run_id": os.environ["LOADS_RUN_ID"],
                "loads_status": [HITS, USERS, hit, USER],
                **fields,
            }
        )

    def close(self):
        self.socket.close()
        self.context.term()


def visit(report, hit):
    started = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(URL, timeout=10) as response:
            response.read()
            status = response.status
    except urllib.error.HTTPError as error:
        error.read()
        status = error.code
    elapsed = time.monotonic() - begun
    report.row(
        "add_hit", hit, url=URL, method="GET", status=status, started=started.isoformat(), elapsed=elapsed
    )
    assert status == 200, "the answer was %d" % status


def one_test(report, hit):
    report.row("startTest", hit, test=TEST)
    try:
        visit(report, hit)
    except Exception as error:
        kind = "addFailure" if isinstance(error, AssertionError) else "addError"
        info = [repr(type(error)), str(error), traceback.format_exc()]
        report.row(kind, hit, test=TEST, exc_info=info)
    else:
        report.row("addSuccess", hit, test=TEST)
    report.row("stopTest", hit, test=TEST)


def main():
    report = Reporter()
    until = time.monotonic() + SECONDS
    hit = 0
    while hit < HITS or (HITS == 0 and time.monotonic() < until):
        hit += 1
        one_test(report, hit)
    report.close()


if __name__ == "__main__":
    main()
