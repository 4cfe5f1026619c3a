"""The closing handshake and what a Close frame may say: RFC 6455 5.5.1 and 7."""

from conformance.case import END, close, failed, pong, text
from conformance.scripts import chopped, script
from support.frames import CLOSE, CONTINUATION, PING, TEXT, close_frame, close_payload, frame

GOOD_CODES = (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3001, 3999, 4000, 4001, 4999)
BAD_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2999, 5000, 5001,
             32768, 65535)
BAD_REASONS = {"ff": b"\xff", "cut": b"bye \xe2\x82", "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf",
               "above": b"\xf4\x90\x80\x80"}


def closed(name, does, sent, *expected, **options):
    """The script itself closes."""
    return script(f"closing/{name}", does, sent, expected, sends_close=True, **options)


def codes():
    for code in GOOD_CODES:
        yield closed(f"code-{code}", f"close {code}", [close_frame(code)], close(code), END)
        yield closed(f"code-{code}-reason", f"close {code} with a reason, byte by byte",
                     chopped(close_frame(code, "a reason, \u20ac"), 1), close(code), END)
    for code in BAD_CODES:
        yield closed(f"code-{code}", f"close {code}, which may not be sent",
                     [close_frame(code)], *failed(1002))
        yield closed(f"code-{code}-reason", f"close {code}, which may not be sent, with a reason",
                     [close_frame(code, "a reason")], *failed(1002))


def payloads():
    yield closed("empty", "close without a code", [close_frame()], close(), END)
    yield closed("one-byte", "close with a payload of one byte", [frame(CLOSE, b"\x03")], *failed(1002))
    for size in (2, 3, 124, 125):
        yield closed(f"size-{size}", f"close with a payload of {size} bytes",
                     [close_frame(1000, "r" * (size - 2))], close(1000), END)
    for size in (126, 127, 65536):
        yield closed(f"size-{size}", f"close with a payload of {size} bytes",
                     [close_frame(1000, "r" * (size - 2))], *failed(1002))
    for name, reason in BAD_REASONS.items():
        yield closed(f"bad-reason-{name}", f"close with a reason that is not UTF-8 ({name})",
                     [frame(CLOSE, close_payload(1000) + reason)], *failed(1007))
    yield closed("bad-code-and-reason", "a code that may not be sent, and a reason that is not UTF-8",
                 [frame(CLOSE, close_payload(1005) + b"\xff")], *failed(1002))
    yield closed("fragmented", "a Close frame without FIN", [frame(CLOSE, b"\x03\xe8", fin=False)],
                 *failed(1002))


def after_close():
    close_1000 = close_frame(1000)
    for name, later in (("text", frame(TEXT, "late")), ("ping", frame(PING, "late")),
                        ("close", close_frame(4000)), ("garbage", b"\xff" * 1000),
                        ("invalid-text", frame(TEXT, b"\xff")), ("much", frame(TEXT, "x" * 300000))):
        yield closed(f"then-{name}", f"close, then {name}, which is ignored", [close_1000 + later],
                     close(1000), END)
    yield closed("then-separate-text", "close, then a message in a write of its own",
                 [close_1000, frame(TEXT, "late")], close(1000), END)


def order():
    close_4001 = close_frame(4001, "done")
    yield closed("ping-first", "a ping, then close", [frame(PING, "p") + close_4001],
                 pong(b"p"), close(4001), END)
    yield closed("text-first", "a message, then close", [frame(TEXT, "t") + close_4001],
                 text("t"), close(4001), END)
    texts = [f"message {i}" for i in range(100)]
    yield closed("hundred-first", "100 messages, then close",
                 [b"".join(frame(TEXT, one) for one in texts) + close_4001],
                 *map(text, texts), close(4001), END)
    yield closed("large-first", "a message of 1 MiB, then close",
                 [frame(TEXT, "x" * (1 << 20)) + close_4001], text("x" * (1 << 20)), close(4001), END)
    yield closed("inside-message", "close in the middle of a fragmented message",
                 [frame(TEXT, "frag", fin=False) + close_4001], close(4001), END)
    yield closed("inside-message-then-rest", "the rest of the message after close is ignored",
                 [frame(TEXT, "frag", fin=False) + close_4001 + frame(CONTINUATION, "ment")],
                 close(4001), END)
    yield closed("ping-inside-message", "a fragment, a ping, close",
                 [frame(TEXT, "frag", fin=False) + frame(PING, "p") + close_4001],
                 pong(b"p"), close(4001), END)
    yield closed("at-once", "close in the same write as the opening request", [], close(4001), END,
                 early=close_4001)
    yield closed("simultaneous", "close 3000 and a violation right behind it: the close counts",
                 [close_frame(3000) + frame(3, "bad")], close(3000), END)
    yield closed("after-violation", "a violation and close 3000 right behind it: the violation counts",
                 [frame(3, "bad") + close_frame(3000)], *failed(1002))


def cases():
    yield from codes()
    yield from payloads()
    yield from after_close()
    yield from order()
