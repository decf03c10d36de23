"""What the programs of the original share: JSON as they write it, and questions to a broker."""
import json

import zmq


def compact(message):
    """JSON as broker, agent and client of the original write it: no spaces, slashes escaped."""
    return json.dumps(message, separators=(",", ":")).replace("/", "\\/").encode()


class Broker:
    """A broker as a REQ socket sees it: `[json]` there and back."""

    def __init__(self, context, frontend, timeout=20.0):
        self.socket = context.socket(zmq.REQ)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(frontend)
        self.timeout = timeout

    def answer(self, command, **fields):
        self.socket.send(compact(dict(fields, command=command)))
        if not self.socket.poll(self.timeout * 1000):
            raise RuntimeError("%s: no answer in %s s" % (command, self.timeout))
        frames = self.socket.recv_multipart()
        if len(frames) != 1:
            raise RuntimeError("%s: %d frames came" % (command, len(frames)))
        return json.loads(frames[0].decode())

    def result(self, command, **fields):
        answer = self.answer(command, **fields)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["result"]
