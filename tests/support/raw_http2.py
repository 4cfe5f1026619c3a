"""An HTTP/2 client (RFC 9113) that sends exactly the frames it is told to, with header fields that no library lets through."""

import socket
import struct
from typing import NamedTuple

from support.byte_stream import ByteStream
from support.certificate import client_context

HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0x1, 0x3, 0x4, 0x7
END_HEADERS = 0x4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL = struct.pack("!I", 8)


class Http2Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


def http2_frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def integer(value, bits):
    """RFC 7541 5.1, the first byte's other bits being 0."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    encoded, value = bytearray([most]), value - most
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded) + bytes([value])


def field(name, value):
    """A literal that is not indexed (RFC 7541 6.2.2)."""
    texts = (text.encode("latin-1") for text in (name, value))
    return b"\0" + b"".join(integer(len(text), 7) + text for text in texts)


class RawHttp2(ByteStream):
    def __init__(self, port):
        context = client_context()
        context.set_alpn_protocols(["h2"])
        super().__init__(context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1"))
        self.authority = f"127.0.0.1:{port}"
        self.last_stream = -1
        self.send(PREFACE + http2_frame(SETTINGS, 0, 0))

    def websocket_request(self, path, fields=(), **leads):
        """The frame of an extended CONNECT (RFC 8441) on the next stream."""
        pseudo = {":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":path": path, ":authority": self.authority}
        return self.request({**pseudo, **leads}, [("sec-websocket-version", "13"), *fields])

    def request(self, pseudo, fields):
        self.last_stream += 2
        block = b"".join(field(*each) for each in [*pseudo.items(), *fields])
        return http2_frame(HEADERS, END_HEADERS, self.last_stream, block)

    def read_frame(self):
        size, kind, flags, stream = struct.unpack("!IBBI", b"\0" + self.read_exact(9))
        return Http2Frame(kind, flags, stream, self.read_exact(size))

    def answer(self):
        """The first frame for the last stream, or the one that ends the connection."""
        while (got := self.read_frame()).stream != self.last_stream and got.kind != GOAWAY:
            pass
        return got
