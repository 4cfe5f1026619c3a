"""One case of the suite, and the words in which it tells what it expects and what it got."""

import zlib
from dataclasses import dataclass
from typing import Callable

from support.frames import BINARY, CLOSE, PING, PONG, TEXT

NAMES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}
SHOWN_BYTES = 24
END = "end"
SHOWN_EVENTS = 6


@dataclass(frozen=True)
class Case:
    """`run(target)` does it and gives what came: events, as in `expected`."""

    id: str
    does: str
    expected: list
    run: Callable
    targets: tuple = ("echo", "relay")


# Events


def event(opcode, payload, note=""):
    payload = payload.encode() if isinstance(payload, str) else payload
    name = NAMES.get(opcode, f"opcode {opcode}") + note
    if len(payload) <= SHOWN_BYTES:
        return f"{name} {ascii(bytes(payload))[1:]}"
    return f"{name} of {len(payload)} bytes, crc {zlib.crc32(payload):08x}"


def text(payload):
    return event(TEXT, payload)


def binary(payload):
    return event(BINARY, payload)


def pong(payload=b""):
    return event(PONG, payload)


def close(code=None):
    return "close" if code is None else f"close {code}"


def failed(code):
    """The connection is failed with this code."""
    return [close(code), END]


def close_event(payload):
    if len(payload) == 1:
        return "close with one byte"
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return "close with a reason that is not UTF-8"
    return close(int.from_bytes(payload[:2], "big") if payload else None)


def frame_event(frame, note=""):
    if not frame.fin:
        note += ", fragment"
    if frame.rsv:
        note += f", rsv {frame.rsv}"
    return close_event(frame.payload) + note if frame.opcode == CLOSE \
        else event(frame.opcode, frame.payload, note)


def summary(events):
    """A line for a table: equal events are counted, and long lists cut."""
    groups = []
    for one in events:
        if groups and groups[-1][0] == one:
            groups[-1][1] += 1
        else:
            groups.append([one, 1])
    shown = [one if count == 1 else f"{count} x {one}" for one, count in groups]
    if len(shown) > SHOWN_EVENTS:
        left_out = len(shown) - SHOWN_EVENTS + 1
        shown[SHOWN_EVENTS // 2:-(SHOWN_EVENTS // 2 - 1)] = [f"... {left_out} more ..."]
    return ", ".join(shown)
