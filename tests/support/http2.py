"""WebSockets over HTTP/2, by Node's client."""

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from support.frame_stream import FrameStream

CLIENT = Path(__file__).parent / "node" / "h2_client.js"


class Stream(FrameStream):
    """One stream, as h2_client.js passes it on."""

    is_client = True

    def __init__(self, port, request):
        super().__init__(socket.create_connection(("127.0.0.1", port)), timeout=10)
        self.send(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._read_through(b"\n"))
        self.status, self.headers = answer["status"], answer["headers"]


class Http2Connection:
    def __init__(self, port):
        self._port = port

    def connect(self, path, headers=None):
        """A WebSocket handshake, which may be refused."""
        return Stream(self._port, {"path": path, "headers": headers or {}})

    def open(self, path, headers=None):
        stream = self.connect(path, headers)
        assert stream.status == 200, stream.status
        return stream

    def get(self, path):
        """The status of an ordinary request."""
        with Stream(self._port, {"path": path, "method": "GET"}) as stream:
            return stream.status


@contextmanager
def http2(server):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["node", CLIENT, str(server.tls_port)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        try:
            yield Http2Connection(int(node.stdout.readline()))
        finally:
            node.stdin.close()
            node.terminate()
