"""WebSocket frames and the accept key (RFC 6455), byte by byte."""

import base64
import hashlib
import struct
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NO_STATUS = 1005
DEFAULT_MASK = b"\x37\xfa\x21\x3d"


class Frame(NamedTuple):
    fin: bool
    rsv: int
    opcode: int
    payload: bytes


def accept_key(key):
    digest = hashlib.sha1((key + ACCEPT_GUID).encode()).digest()
    return base64.b64encode(digest).decode()


def masked(payload, mask):
    if not payload:
        return b""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    bits = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return bits.to_bytes(size, "big")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=True):
    """The bytes of one frame. `mask` may be the four bytes of a masking key."""
    payload = payload.encode() if isinstance(payload, str) else payload
    key = DEFAULT_MASK if mask is True else mask
    header = frame_header(opcode, len(payload), fin, rsv, key)
    return header + (masked(payload, key) if key else payload)


def frame_header(opcode, size, fin=True, rsv=0, key=None):
    """What comes before a payload of `size` bytes, the masking key included."""
    first = bytes([fin << 7 | rsv << 4 | opcode])
    return first + length_field(size, bool(key)) + (key or b"")


def length_field(size, mask):
    bit = mask << 7
    if size < 126:
        return bytes([bit | size])
    if size < 1 << 16:
        return bytes([bit | 126]) + struct.pack("!H", size)
    return bytes([bit | 127]) + struct.pack("!Q", size)


def close_frame(code=None, reason="", mask=True):
    return frame(CLOSE, close_payload(code, reason), mask=mask)


def close_payload(code, reason=""):
    return b"" if code is None else struct.pack("!H", code) + reason.encode()


def parse_close_payload(payload):
    """(code, reason)"""
    if not payload:
        return NO_STATUS, ""
    return struct.unpack("!H", payload[:2])[0], payload[2:].decode()


def read_frame(stream, from_client):
    """Reads one frame and checks that it is masked if and only if a client sent it."""
    first, second = stream.read_exact(2)
    size, is_masked = second & 0x7F, bool(second & 0x80)
    assert is_masked == from_client, f"masked: {is_masked}, from a client: {from_client}"
    if size == 126:
        size, = struct.unpack("!H", stream.read_exact(2))
    elif size == 127:
        size, = struct.unpack("!Q", stream.read_exact(8))
    mask = stream.read_exact(4) if is_masked else bytes(4)
    payload = masked(stream.read_exact(size), mask)
    return Frame(bool(first & 0x80), first >> 4 & 7, first & 0xF, payload)
