"""Pings and pongs: RFC 6455 5.5.2 and 5.5.3."""

from conformance.case import binary, failed, pong, text
from conformance.client import Await
from conformance.scripts import chopped, script
from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame


def payload(number, size):
    return number.to_bytes(4, "big") * (size // 4 + 1)


def many(count, size):
    return [payload(number, size)[:size] for number in range(count)]


def in_order(name, does, payloads, cut=lambda data: [data]):
    return script(name, does, cut(b"".join(frame(PING, one) for one in payloads)),
                  [pong(one) for one in payloads])


def sizes():
    for size in (0, 1, 2, 124, 125):
        sent = payload(0xFE00FF80, size)[:size]
        yield script(f"pings/size-{size}", f"a ping of {size} bytes", [frame(PING, sent)], [pong(sent)])
        yield script(f"pings/size-{size}-bytes", f"a ping of {size} bytes, byte by byte",
                     chopped(frame(PING, sent), 1), [pong(sent)])
    for size in (126, 127, 65535, 65536):
        for name, opcode in (("ping", PING), ("pong", PONG)):
            yield script(f"pings/{name}-too-long-{size}", f"a {name} of {size} bytes",
                         [frame(opcode, bytes(size))], failed(1002))


def orders():
    yield in_order("pings/ten", "ten pings at once", many(10, 8))
    yield in_order("pings/ten-bytes", "ten pings, byte by byte", many(10, 8),
                   lambda data: chopped(data, 1))
    yield in_order("pings/64-kib", "64 KiB of pings with 121 bytes each in one write", many(517, 121))
    yield in_order("pings/64-kib-empty", "64 KiB of pings without payload", [b""] * 10923)
    yield in_order("pings/1-mib", "1 MiB of pings in writes of 997 bytes", many(8266, 121),
                   lambda data: chopped(data, 997))


def pongs():
    yield script("pings/pong-unsolicited", "a pong nobody asked for", [frame(PONG, "nobody asked")], [])
    yield script("pings/pong-empty", "an empty pong nobody asked for", [frame(PONG)], [])
    yield script("pings/pong-125", "a pong of 125 bytes nobody asked for", [frame(PONG, bytes(125))], [])
    yield script("pings/pong-then-ping", "a pong nobody asked for, then a ping and a message",
                 [frame(PONG, "p"), frame(PING, "q"), frame(TEXT, "t")], [pong(b"q"), text("t")])


def fragments():
    for name, opcode in (("ping", PING), ("pong", PONG)):
        yield script(f"pings/fragmented-{name}", f"a {name} without FIN",
                     [frame(opcode, "x", fin=False)], failed(1002))
        yield script(f"pings/fragmented-{name}-continued", f"a {name} without FIN, and its rest",
                     [frame(opcode, "x", fin=False) + frame(CONTINUATION, "y")], failed(1002))
    first, last = frame(TEXT, "frag", fin=False), frame(CONTINUATION, "ment")
    yield script("pings/inside-message", "a ping between two fragments",
                 [first + frame(PING, "in") + last], [pong(b"in"), text("fragment")])
    yield script("pings/inside-message-at-once", "a ping in a message that goes on only after the pong",
                 [first, frame(PING, "in"), Await(1), last], [pong(b"in"), text("fragment")])
    yield script("pings/pong-inside-message", "a pong between two fragments",
                 [first + frame(PONG, "in") + last], [text("fragment")])
    pings = many(50, 125)
    yield script("pings/many-inside-message", "50 pings between 51 fragments",
                 [b"".join(frame(CONTINUATION if i else BINARY, b"x", fin=False) + frame(PING, one)
                           for i, one in enumerate(pings)) + frame(CONTINUATION, b"x")],
                 [*map(pong, pings), binary(b"x" * 51)])
    yield script("pings/fragmented-inside-message", "a ping without FIN between two fragments",
                 [first + frame(PING, "in", fin=False) + last], failed(1002))


def cases():
    yield from sizes()
    yield from orders()
    yield from pongs()
    yield from fragments()
