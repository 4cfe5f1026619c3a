"""Messages in several frames, in every order that may and may not be: RFC 6455 5.4."""

from conformance.case import binary, failed, pong, text
from conformance.client import Await, Settle
from conformance.scripts import chopped, script
from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame

KINDS = {"text": (TEXT, text), "binary": (BINARY, binary)}


def fragments(opcode, parts, between=b""):
    """A message of these parts with `between` after each but the last."""
    last = len(parts) - 1
    return b"".join(frame(CONTINUATION if i else opcode, part, fin=i == last)
                    + (between if i < last else b"") for i, part in enumerate(parts))


PARTS = {
    "two": (b"frag", b"ment"),
    "three": (b"one ", b"two ", b"three"),
    "empty": (b"", b""),
    "all-empty": (b"",) * 20,
    "empty-first": (b"", b"fragment"),
    "empty-last": (b"fragment", b""),
    "empty-middle": (b"frag", b"", b"", b"ment"),
    "single-bytes": tuple(bytes([c]) for c in b"many fragments of one byte each"),
    "large": (b"x" * 70000, b"y" * 65535, b"z" * 126),
    "thousand": (b"12345678",) * 1000,
}


def good_orders():
    for name, parts in PARTS.items():
        for kind, (opcode, told) in KINDS.items():
            whole = told(b"".join(parts))
            yield script(f"fragmentation/{kind}-{name}", f"a {kind} message in {len(parts)} frames",
                         [fragments(opcode, parts)], [whole])
            yield script(f"fragmentation/{kind}-{name}-997", f"{len(parts)} frames in writes of 997 bytes",
                         chopped(fragments(opcode, parts), 997), [whole])
            between = frame(PING, "p") + frame(PONG, "q")
            yield script(f"fragmentation/{kind}-{name}-pings",
                         f"{len(parts)} frames, a ping and a pong between each two",
                         [fragments(opcode, parts, between)],
                         [pong(b"p")] * (len(parts) - 1) + [whole])
    for name in ("two", "three", "empty", "empty-middle", "single-bytes"):
        yield script(f"fragmentation/text-{name}-bytes", "fragments and pings, byte by byte",
                     chopped(fragments(TEXT, PARTS[name], frame(PING, "p")), 1),
                     [pong(b"p")] * (len(PARTS[name]) - 1) + [text(b"".join(PARTS[name]))])


def sequences():
    two, three = PARTS["two"], PARTS["three"]
    yield script("fragmentation/alternating", "fragmented and whole messages in turn",
                 [(fragments(TEXT, two) + frame(BINARY, b"whole") + fragments(BINARY, three)
                   + frame(TEXT, "whole")) * 3],
                 [text("fragment"), binary(b"whole"), binary(b"one two three"), text("whole")] * 3)
    yield script("fragmentation/slow", "fragments that wait for the answers to the pings between them",
                 [frame(TEXT, "a", fin=False) + frame(PING, "1"), Await(1),
                  frame(CONTINUATION, "b", fin=False) + frame(PING, "2"), Await(2),
                  frame(CONTINUATION, "c"), Await(3), frame(TEXT, "d")],
                 [pong(b"1"), pong(b"2"), text("abc"), text("d")])


BAD = {
    "lone-continuation": ("a continuation without a message", frame(CONTINUATION, "x")),
    "lone-continuation-open": ("a continuation without FIN and without a message",
                               frame(CONTINUATION, "x", fin=False)),
    "lone-empty-continuation": ("an empty continuation without a message", frame(CONTINUATION)),
    "lone-continuation-then-text": ("a continuation without a message, then a message",
                                    frame(CONTINUATION, "x", fin=False) + frame(TEXT, "y")),
    "text-in-text": ("a message inside another",
                     frame(TEXT, "a", fin=False) + frame(TEXT, "b")),
    "binary-in-text": ("a binary message inside a text message",
                       frame(TEXT, "a", fin=False) + frame(BINARY, b"b")),
    "text-in-binary": ("a text message inside a binary message",
                       frame(BINARY, b"a", fin=False) + frame(TEXT, "b", fin=False)),
    "empty-text-in-empty-text": ("an empty message inside an empty message",
                                 frame(TEXT, fin=False) + frame(TEXT)),
    "text-after-two-fragments": ("a message after two fragments of another",
                                 frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", fin=False)
                                 + frame(TEXT, "c")),
}


def bad_orders():
    for name, (does, sent) in BAD.items():
        yield script(f"fragmentation/{name}", does, [sent], failed(1002))
        yield script(f"fragmentation/{name}-bytes", f"{does}, byte by byte", chopped(sent, 1), failed(1002))
        yield script(f"fragmentation/{name}-after-good", f"two good messages, then {does}",
                     [frame(TEXT, "one") + fragments(BINARY, PARTS["two"]), Settle(2), sent],
                     [text("one"), binary(b"fragment"), *failed(1002)])
        yield script(f"fragmentation/{name}-after-ping", f"a ping, then {does}",
                     [frame(PING, "p"), Settle(1), sent], [pong(b"p"), *failed(1002)])
    yield script("fragmentation/continuation-after-end", "a continuation after the last one",
                 [fragments(TEXT, PARTS["two"]), Settle(1), frame(CONTINUATION, "more")],
                 [text("fragment"), *failed(1002)])


def cases():
    yield from good_orders()
    yield from sequences()
    yield from bad_orders()
