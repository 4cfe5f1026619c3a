"""A blocking WebSocket client that sends exactly the bytes it is told to."""

import socket

from support.certificate import client_context
from support.frame_stream import FrameStream
from support.frames import accept_key
from support.http_head import head_bytes

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Response:
    def __init__(self, head, body):
        self.head = head
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


class RawClient(FrameStream):
    is_client = True

    def __init__(self, host, port, tls=False, timeout=10, source=None):
        """`source`: the address to come from."""
        self.host = f"{host}:{port}"
        super().__init__(connected_socket(host, port, tls, source), timeout)

    @property
    def local_port(self):
        return self.socket.getsockname()[1]

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

    def get(self, path, headers=None):
        """An ordinary request, which leaves the connection open."""
        self.send(head_bytes(f"GET {path} HTTP/1.1", {"Host": self.host, **(headers or {})}))
        return self.read_response()

    def read_response(self):
        head = self.read_head()
        return Response(head, self._read_body(head.headers))

    def _read_body(self, headers):
        if headers.get("Transfer-Encoding") != "chunked":
            return self.read_exact(int(headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.read_line(), 16):
            body += self.read_exact(size)
            assert self.read_line() == ""
        assert self.read_line() == ""
        return body


def connected_socket(host, port, tls, source=None):
    sock = socket.create_connection((host, port), timeout=10,
                                    source_address=source and (source, 0))
    if not tls:
        return sock
    try:
        return client_context().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
