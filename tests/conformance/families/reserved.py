"""RSV1, RSV2 and RSV3 where no extension gives them a meaning: RFC 6455 5.2."""

from conformance.case import failed, pong, text
from conformance.client import Settle
from conformance.scripts import chopped, script
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

FRAMES = {"text": (TEXT, b"text"), "binary": (BINARY, b"\x00\xff"), "ping": (PING, b"ping"),
          "pong": (PONG, b"pong"), "close": (CLOSE, close_payload(1000)), "empty": (TEXT, b"")}


def cases():
    for rsv in range(1, 8):
        for name, (opcode, payload) in FRAMES.items():
            bad = frame(opcode, payload, rsv=rsv)
            yield script(f"reserved/{name}-{rsv}", f"a frame ({name}) with the reserved bits {rsv:03b}",
                         [bad], failed(1002))
        bad = frame(CONTINUATION, "ment", rsv=rsv)
        yield script(f"reserved/continuation-{rsv}", f"a fragment with the reserved bits {rsv:03b}",
                     [frame(TEXT, "frag", fin=False) + bad], failed(1002))
        bad = frame(TEXT, "bad", rsv=rsv)
        yield script(f"reserved/after-good-{rsv}", f"a message and a ping, then bits {rsv:03b}",
                     [frame(TEXT, "good") + frame(PING, "p"), Settle(2), bad + frame(PING, "never")],
                     [text("good"), pong(b"p"), *failed(1002)])
        yield script(f"reserved/bytes-{rsv}", f"a message, then bits {rsv:03b}, byte by byte",
                     [*chopped(frame(TEXT, "good"), 1), Settle(1), *chopped(bad, 1)], [text("good"), *failed(1002)])
