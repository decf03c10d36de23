#!/usr/bin/env python3
"""An agent of the original: a ROUTER that connects under its id, one worker process for each RUN.

    loads_agent.py FRONTEND [HOSTNAME]
"""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import zmq

from loads_wire import Broker, compact

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loads_worker.py")
KILL_AFTER = 5.0


class Agent:
    def __init__(self, frontend, hostname):
        self.hostname = hostname
        self.pid = os.getpid()
        self.agent_id = "%s-%d" % (hostname, self.pid)
        self.workers = {}
        self.dying = []
        self.leaving = False
        context = zmq.Context()
        endpoints = Broker(context, frontend).result("PING")["endpoints"]
        self.receiver = endpoints["receiver"]
        self.backend = context.socket(zmq.ROUTER)
        self.backend.setsockopt(zmq.IDENTITY, self.agent_id.encode())
        self.backend.connect(endpoints["backend"])
        self.registrations = context.socket(zmq.PUSH)
        self.registrations.connect(endpoints["register"])
        self.poller = zmq.Poller()
        self.poller.register(self.backend, zmq.POLLIN)
        self.heartbeat = None
        if endpoints.get("heartbeat"):
            self.heartbeat = context.socket(zmq.SUB)
            self.heartbeat.setsockopt(zmq.SUBSCRIBE, b"")
            self.heartbeat.connect(endpoints["heartbeat"])
            self.poller.register(self.heartbeat, zmq.POLLIN)
        self.context = context

    def register(self):
        info = {"pid": self.pid, "hostname": self.hostname, "agent_id": self.agent_id}
        self.registrations.send_multipart([b"REGISTER", compact(info)])

    def serve(self):
        self.register()
        print("agent %s" % self.agent_id, flush=True)
        while not self.leaving:
            ready = dict(self.poller.poll(200))
            if self.backend in ready:
                self.take(self.backend.recv_multipart())
            if self.heartbeat in ready:
                # BEAT and REGISTER act alike, and only an idle agent listens.
                self.heartbeat.recv()
                if not self.is_busy():
                    self.register()
            self.reap()
        for worker in list(self.workers.values()):
            worker["process"].kill()
        self.registrations.send_multipart([b"UNREGISTER", self.agent_id.encode()])
        self.context.destroy(linger=500)

    def is_busy(self):
        return any(worker["process"].poll() is None for worker in self.workers.values())

    def take(self, frames):
        # [peer, '', broker, '', json], and between the last two [client, ''] when a client asked for this agent.
        body = json.loads(frames[-1].decode())
        client = [frames[4], b""] if len(frames) == 7 else []
        result = self.carry_out(body)
        if result is None:
            return
        said = {"result": result, "hostname": self.hostname, "agent_id": self.agent_id, "pid": self.pid}
        self.backend.send_multipart([frames[2], b"", self.agent_id.encode(), b"", *client, compact(said)])

    def carry_out(self, body):
        command = body["command"]
        if command == "RUN":
            return self.run(body)
        if command in ("STATUS", "_STATUS"):
            return {"status": self.status(body.get("run_id")), "command": command}
        if command == "STOP":
            return {"status": self.stop(), "command": command}
        if command == "QUIT":
            if self.is_busy() and not body.get("force"):
                return {"status": self.status(None), "command": command}
            self.leaving = True
        return None

    def run(self, body):
        order = dict(body["args"], batched=True, slave=True, agent_id=self.agent_id, run_id=body["run_id"])
        order.update(zmq_receiver=self.receiver, hostname=self.hostname, filedata=body.get("filedata") or "")
        process = subprocess.Popen([sys.executable, WORKER], stdin=subprocess.PIPE)
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        self.workers[str(process.pid)] = {"process": process, "run_id": body["run_id"]}
        return {"pids": [process.pid], "agent_id": self.agent_id, "command": "RUN"}

    def status(self, run_id):
        return {
            pid: {
                "status": "running" if worker["process"].poll() is None else "terminated",
                "run_id": worker["run_id"],
            }
            for pid, worker in self.workers.items()
            if run_id is None or worker["run_id"] == run_id
        }

    def stop(self):
        status = {}
        for pid, worker in self.workers.items():
            if worker["process"].poll() is None:
                worker["process"].terminate()
                self.dying.append((time.monotonic() + KILL_AFTER, worker["process"]))
            status[pid] = {"status": "terminated", "run_id": worker["run_id"]}
        self.workers = {}
        return status

    def reap(self):
        for late, process in list(self.dying):
            if process.poll() is not None:
                self.dying.remove((late, process))
            elif time.monotonic() > late:
                process.kill()


def main(frontend, hostname=socket.gethostname()):
    agent = Agent(frontend, hostname)

    def leave(*_):
        agent.leaving = True

    signal.signal(signal.SIGTERM, leave)
    agent.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
