"""WebSockets over HTTP/2, by Node's client, and what servers for them are told."""

import json
import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from support.frame_stream import FrameStream
from support.frames import TEXT

CLIENT = Path(__file__).parent / "node" / "h2_client.js"
H2 = """
Protocols h2 http/1.1
H2WebSockets on
H2MaxWorkers 60
"""
H2_LOG = 'WebSocketLog sessions.log "%{code}W %{side}W"\n'
ECHO = H2 + """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


class Stream(FrameStream):
    """One stream, as h2_client.js passes it on: read_eof() is for END_STREAM, and RST_STREAM is a ConnectionResetError."""

    is_client = True

    def __init__(self, port, request):
        super().__init__(socket.create_connection(("127.0.0.1", port)), timeout=10)
        self._port = port
        self.send(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._read_through(b"\n"))
        self.status, self.headers = answer["status"], answer["headers"]

    def taken_bytes(self):
        """How much of what was sent has gone to the server, and does not wait for its window."""
        with socket.create_connection(("127.0.0.1", self._port)) as asking:
            asking.sendall(json.dumps({"count": self.socket.getsockname()[1]}).encode() + b"\n")
            return json.loads(asking.makefile().readline())["bytes"]


class Http2Connection:
    def __init__(self, node):
        self._node = node
        port = node.stdout.readline()
        assert port, "Node says on standard error why it has no connection"
        self._port = int(port)

    def connect(self, path, headers=None, unread=False):
        """A WebSocket handshake, which may be refused. `unread`: nothing that comes then is taken."""
        return Stream(self._port, {"path": path, "headers": headers or {}, "unread": unread})

    def open(self, path, headers=None, unread=False):
        stream = self.connect(path, headers, unread)
        assert stream.status == 200, stream.status
        return stream

    def get(self, path):
        """The status of an ordinary request."""
        with Stream(self._port, {"path": path, "method": "GET"}) as stream:
            return stream.status

    def lose(self):
        """The TCP connection ends, and nothing else is said."""
        self._node.kill()

    def fall_silent(self):
        """The TCP connection stays, and nobody is there."""
        self._node.send_signal(signal.SIGSTOP)


def echo(stream, text="hello"):
    stream.send_frame(TEXT, text)
    stream.expect_frame(TEXT, text)


def close(stream):
    stream.send_close(1000)
    assert stream.expect_close()[0] == 1000
    stream.read_eof()


@contextmanager
def http2(server, port=None):
    """`port`: where to connect, if it is not the server's."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["node", CLIENT, str(port or server.tls_port)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        try:
            yield Http2Connection(node)
        finally:
            node.stdin.close()
            node.kill()
