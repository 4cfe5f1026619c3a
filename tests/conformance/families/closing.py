"""The closing handshake and what a Close frame may say: RFC 6455 5.5.1 and 7."""

from conformance.case import END, close, failed, frame_event, pong, text
from conformance.client import Await
from conformance.scripts import chopped, script
from support.frames import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame,
                            close_payload, frame, parse_close_payload)

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


# The server begins. Through the relay it is the backend that does.


ASK = frame(TEXT, "close 4001 bye")  # tests/handlers/closing.cc
BYE = "close 4001 'bye'"


def with_reason(received):
    code, reason = parse_close_payload(received.payload) if received.opcode == CLOSE else (0, "")
    return frame_event(received) + (f" {ascii(reason)}" if reason else "")


def begun(name, does, steps, *expected, path="/closing", **options):
    """The client answers the server's Close at once, unless the script does."""
    return script(f"closing/server-{name}", does, steps, expected, path=path, describe=with_reason,
                  **options)


def goes_on(name, does, after, *expected, **options):
    """What the client sends once it has the server's Close; its own is the last of it."""
    return begun(name, does, [ASK, Await(1), *after], BYE, *expected, END, sends_close=True,
                 goes_on_after_close=True, **options)


def begun_by_server():
    for code in (1000, 1001, 1008, 1011, 3000, 4999):
        yield begun(f"code-{code}", f"the server closes with {code} at once", [],
                    f"close {code} 'done'", END, path=f"/closing?code={code},done")
        yield begun(f"code-{code}-asked", f"the server closes with {code} after two messages",
                    [frame(TEXT, "first") + frame(TEXT, f"close {code}")], text("first"),
                    close(code), END)
    for code in (0, 999, 1005, 1006, 1015, 5000):
        yield begun(f"code-{code}", f"the server closes with {code}, which may not be sent", [],
                    close(), END, path=f"/closing?code={code},done")
    longest = "r" * 123
    yield begun("reason-longest", "the server closes with a reason of 123 bytes", [],
                f"close 4001 '{longest}'", END, path=f"/closing?code=4001,{longest}")
    for name, answer in (("same", close_frame(4001, "bye")), ("other", close_frame(3000, "so be it")),
                         ("empty", close_frame()), ("longest", close_frame(1000, longest))):
        yield goes_on(f"answer-{name}", f"the client's answer is another Close ({name})", [answer])
        yield goes_on(f"answer-{name}-bytes", f"the same ({name}), byte by byte", chopped(answer, 1))


def after_the_servers_close():
    answer = close_frame(1000)
    late = frame(TEXT, "late")
    for name, sent in (("text", late), ("binary", frame(BINARY, b"late")),
                       ("pong", frame(PONG, "late")), ("another-ask", frame(TEXT, "close 3000")),
                       ("fragments", frame(TEXT, "la", fin=False) + frame(CONTINUATION, "te")),
                       ("unfinished", frame(TEXT, "la", fin=False)),
                       ("much", frame(BINARY, bytes(300000))), ("many", late * 1000)):
        yield goes_on(f"then-{name}", f"what comes behind the server's Close ({name}) is ignored",
                      [sent, answer])
        yield begun(f"under-way-{name}", f"the same ({name}), sent before the client sees the Close",
                    [ASK + sent], BYE, END)
    yield goes_on("then-violation", "a violation behind the server's Close gets no other Close",
                  [frame(3, "bad")])
    yield begun("message-under-way", "the rest of a message whose beginning came before the Close",
                [frame(TEXT, "close 4001 ", fin=False), frame(CONTINUATION, "bye")
                 + frame(TEXT, "la", fin=False), Await(1), frame(CONTINUATION, "te"), answer], BYE, END,
                sends_close=True, goes_on_after_close=True)


def crossing():
    """Neither side has seen the other's Close when it sends its own."""
    for name, ours in (("other", close_frame(3000, "me too")), ("same", close_frame(4001, "bye")),
                       ("empty", close_frame())):
        yield begun(f"crossing-{name}", f"the client closes ({name}) before it sees the server's Close",
                    [ASK + ours], BYE, END, sends_close=True)
        yield begun(f"crossing-{name}-data", f"the same ({name}), with messages between and behind",
                    [ASK + frame(TEXT, "under way") + ours + frame(TEXT, "late")], BYE, END,
                    sends_close=True)
        yield begun(f"crossing-{name}-at-once", f"both close ({name}) as the first thing they do", [],
                    BYE, END, sends_close=True, path="/closing?code=4001,bye", early=ours)
    yield begun("crossing-twice", "two Closes of the client's cross the server's",
                [ASK + close_frame(3000) + close_frame(3001)], BYE, END, sends_close=True)


def pings_after_the_servers_close():
    """RFC 6455 5.5.2: a ping has its pong unless a Close was received; one sent makes no difference."""
    answer = close_frame(1000)
    yield goes_on("then-ping", "a ping behind the server's Close has its pong",
                  [frame(PING, "late"), Await(2), answer], pong(b"late"))
    yield goes_on("then-ping-inside-message", "the same between two fragments, which are ignored",
                  [frame(TEXT, "la", fin=False) + frame(PING, "late"), Await(2),
                   frame(CONTINUATION, "te") + answer], pong(b"late"))
    numbers = [str(number) for number in range(10)]
    yield goes_on("then-pings", "ten pings behind the server's Close have their pongs, in order",
                  [b"".join(frame(PING, number) for number in numbers), Await(11), answer],
                  *(pong(number) for number in numbers))
    # A relay has done its part when it has both Closes, whatever is under way.
    yield goes_on("then-ping-and-answer", "a ping and the client's Close in one write",
                  [frame(PING, "late") + answer + frame(PING, "never")], pong(b"late"),
                  targets=("echo",))


def cases():
    yield from codes()
    yield from payloads()
    yield from after_close()
    yield from order()
    yield from begun_by_server()
    yield from after_the_servers_close()
    yield from crossing()
    yield from pings_after_the_servers_close()
