"""A blocking WebSocket client that sends exactly the bytes it is told to."""

import socket

from support import frames
from support.byte_stream import ByteStream
from support.certificate import client_context
from support.frames import accept_key, frame  # part of this module's interface
from support.http_head import head_bytes

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Response:
    def __init__(self, head, body):
        self.status = int(head.first_line.split()[1])
        self.headers = head.headers
        self.body = body


def handshake_headers(host):
    return {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }


class RawClient(ByteStream):
    def __init__(self, host, port, tls=False, timeout=10):
        self.host = f"{host}:{port}"
        super().__init__(connected_socket(host, port, tls), timeout)

    def send_raw(self, data):
        self.send(data)

    def handshake_bytes(self, path, headers=None, remove=(), method="GET", version="HTTP/1.1"):
        """The opening request: `headers` replace or add fields, `remove` names those to omit."""
        fields = {**handshake_headers(self.host), **(headers or {})}
        fields = {name: value for name, value in fields.items() if name not in remove}
        return head_bytes(f"{method} {path} {version}", fields)

    def handshake(self, path, headers=None, remove=(), extra=b"", **request):
        """Sends the opening request with `extra` in the same write, and reads the answer."""
        self.send(self.handshake_bytes(path, headers, remove, **request) + extra)
        return self.read_response()

    def open(self, path, **request):
        """A handshake that must succeed."""
        response = self.handshake(path, **request)
        assert response.status == 101, f"{response.status}: {response.body!r}"
        assert response.headers.get("Sec-WebSocket-Accept") == accept_key(KEY)
        return response

    def get(self, path):
        """An ordinary request, which leaves the connection open."""
        self.send(head_bytes(f"GET {path} HTTP/1.1", {"Host": self.host}))
        return self.read_response()

    def read_response(self):
        """The body is read as far as Content-Length says."""
        head = self.read_head()
        return Response(head, self.read_exact(int(head.headers.get("Content-Length", 0))))

    def send_frame(self, opcode, payload=b"", **options):
        self.send(frame(opcode, payload, **options))

    def send_close(self, code=None, reason=""):
        self.send(frames.close_frame(code, reason))

    def read_frame(self):
        """(fin, rsv, opcode, payload)"""
        return frames.read_frame(self, from_client=False)

    def expect_frame(self, opcode, payload):
        """The next frame must be this, unfragmented and with no reserved bit."""
        payload = payload.encode() if isinstance(payload, str) else payload
        assert self.read_frame() == (True, 0, opcode, payload)

    def expect_close(self):
        """(code, reason) of the next frame, which must be a Close frame."""
        received = self.read_frame()
        assert received[:3] == (True, 0, frames.CLOSE), received
        return frames.parse_close_payload(received.payload)


def connected_socket(host, port, tls):
    sock = socket.create_connection((host, port), timeout=10)
    if not tls:
        return sock
    try:
        return client_context().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
