#!/usr/bin/env python3
"""A client of the original: a REQ socket for commands, a SUB socket for live results, nothing but pyzmq and JSON.

    loads_client.py FRONTEND ask COMMAND [FIELDS]     one command; prints the whole answer
    loads_client.py FRONTEND run AGENTS ARGS [ZIP]    starts a run and follows it to its end; prints what it saw
"""
import base64
import json
import sys
import time

import zmq

from loads_wire import Broker

FOLLOW = 90.0


def records(message):
    """A message of the publisher as single records, like the original's client splits it."""
    if message.get("data_type") != "batch":
        return [message]
    shared = {"agent_id": message["agent_id"], "run_id": message["run_id"]}
    return [
        dict(record, data_type=data_type, **shared)
        for data_type, rows in message["counts"].items()
        for record in rows
    ]


def say(event, **fields):
    print(json.dumps(dict(fields, event=event)), flush=True)


def follow(subscriber, run_id, agents):
    """Live results until each agent said that it is done and the run is finished; or only the latter, when stopped."""
    counts = {}
    messages = 0
    finished = None
    until = time.monotonic() + FOLLOW
    while time.monotonic() < until:
        if finished is not None and (counts.get("stopTestRun", 0) >= agents or time.monotonic() > finished + 3):
            break
        if not subscriber.poll(200):
            continue
        message = json.loads(subscriber.recv().decode())
        if message.get("run_id") != run_id:
            continue
        if message["data_type"] == "run-finished":
            finished = time.monotonic()
            continue
        messages += 1
        for record in records(message):
            counts[record["data_type"]] = counts.get(record["data_type"], 0) + 1
        if messages == 1:
            say("first")
    return {"counts": counts, "messages": messages, "finished": finished is not None}


def run(context, broker, agents, args, archive):
    ping = broker.result("PING")
    if len(broker.result("LIST")) < agents:
        raise ValueError("Not enough agents")
    subscriber = context.socket(zmq.SUB)
    subscriber.setsockopt(zmq.RCVHWM, 80960)
    subscriber.setsockopt(zmq.LINGER, 0)
    subscriber.setsockopt(zmq.SUBSCRIBE, b"")
    subscriber.connect(ping["endpoints"]["publisher"])
    filedata = ""
    if archive is not None:
        with open(archive, "rb") as file:
            filedata = base64.b64encode(file.read()).decode()
    started = broker.result("CTRL_RUN", agents=agents, args=args, filedata=filedata, **{"async": True})
    run_id = started["run_id"]
    say("started", run_id=run_id, agents=started["agents"], runs=broker.result("CTRL_LIST_RUNS"))
    seen = follow(subscriber, run_id, len(started["agents"]))
    say(
        "ended",
        live=seen,
        runs=broker.result("CTRL_LIST_RUNS"),
        counts=broker.result("CTRL_GET_COUNTS", run_id=run_id),
        urls=broker.result("CTRL_GET_URLS", run_id=run_id),
        metadata=broker.result("CTRL_GET_METADATA", run_id=run_id),
        hits=broker.result("CTRL_GET_DATA", run_id=run_id, data_type="add_hit"),
        page=broker.result("CTRL_GET_DATA", run_id=run_id, start=2, size=5),
        grouped=broker.result("CTRL_GET_DATA", run_id=run_id, data_type="stopTestRun", groupby=True),
    )


def main(frontend, verb, *rest):
    context = zmq.Context()
    broker = Broker(context, frontend)
    if verb == "ask":
        print(json.dumps(broker.answer(rest[0], **json.loads(rest[1] if len(rest) > 1 else "{}"))))
    else:
        run(context, broker, int(rest[0]), json.loads(rest[1]), rest[2] if len(rest) > 2 else None)
    context.destroy(linger=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
