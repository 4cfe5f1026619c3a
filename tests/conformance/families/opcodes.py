"""Opcodes that are reserved: RFC 6455 5.2."""

from conformance.case import failed, pong, text
from conformance.client import Settle
from conformance.scripts import chopped, script
from support.frames import PING, TEXT, frame

RESERVED = (*range(3, 8), *range(11, 16))


def cases():
    for opcode in RESERVED:
        for name, bad in (("empty", frame(opcode)), ("payload", frame(opcode, "payload")),
                          ("fragment", frame(opcode, "x", fin=False))):
            yield script(f"opcodes/{opcode}-{name}", f"a frame with the opcode {opcode} ({name})",
                         [bad], failed(1002))
        good, bad = frame(TEXT, "good"), frame(opcode, "bad") + frame(PING, "never")
        yield script(f"opcodes/{opcode}-after-good", f"a message, the opcode {opcode}, and a ping",
                     [good, Settle(1), bad], [text("good"), *failed(1002)])
        yield script(f"opcodes/{opcode}-bytes", f"a message, the opcode {opcode}, and a ping, byte by byte",
                     [*chopped(good, 1), Settle(1), *chopped(bad, 1)],
                     [text("good"), *failed(1002)])
        yield script(f"opcodes/{opcode}-inside-message", f"the opcode {opcode} between two fragments",
                     [frame(TEXT, "a", fin=False) + frame(PING, "p"), Settle(1), frame(opcode, "bad")],
                     [pong(b"p"), *failed(1002)])
