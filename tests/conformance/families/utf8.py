"""Text is UTF-8, the whole message and from the first byte on: RFC 6455 5.6, 8.1; Unicode table 3-7."""

from conformance.case import failed, text
from conformance.client import Await
from conformance.scripts import chopped, script
from support.frames import BINARY, CONTINUATION, PING, TEXT, frame

VALID = {
    "ascii": b"Hello, world",
    "greek": "\u03ba\u1f79\u03c3\u03bc\u03b5".encode(),
    "mixed": "$ \u00a2 \u20ac \U00010348 \u6c34 \u05e9\u05dc\u05d5\u05dd".encode(),
    "nul": b"\x00", "first-1": b"\x01", "last-1": b"\x7f", "first-2": b"\xc2\x80",
    "last-2": b"\xdf\xbf", "first-3": b"\xe0\xa0\x80", "last-3": b"\xef\xbf\xbf",
    "first-4": b"\xf0\x90\x80\x80", "last-4": b"\xf4\x8f\xbf\xbf",
    "before-surrogates": b"\xed\x9f\xbf", "after-surrogates": b"\xee\x80\x80",
    "replacement": b"\xef\xbf\xbd", "bom": b"\xef\xbb\xbfafter",
    "noncharacters": b"\xef\xbf\xbe\xef\xb7\x90\xf0\x9f\xbf\xbf\xf1\xaf\xbf\xbe",
    "e1": b"\xe1\x80\x80", "ec": b"\xec\xbf\xbf", "f1": b"\xf1\x80\x80\x80", "f3": b"\xf3\xbf\xbf\xbf",
}
# What comes before the first byte that no valid text can have there, and that byte.
INVALID = {
    "lone-continuation-80": (b"", b"\x80"), "lone-continuation-bf": (b"", b"\xbf"),
    "two-lone-continuations": (b"", b"\x80\xbf"),
    "c0": (b"", b"\xc0"), "c1": (b"", b"\xc1"), "f5": (b"", b"\xf5"), "f8": (b"", b"\xf8"),
    "fc": (b"", b"\xfc"), "fe": (b"", b"\xfe"), "ff": (b"", b"\xff"),
    "overlong-2": (b"", b"\xc0\xaf"), "overlong-2-last": (b"", b"\xc1\xbf"),
    "overlong-3": (b"\xe0", b"\x80\xaf"), "overlong-3-last": (b"\xe0", b"\x9f\xbf"),
    "overlong-4": (b"\xf0", b"\x80\x80\xaf"), "overlong-4-last": (b"\xf0", b"\x8f\xbf\xbf"),
    "overlong-5": (b"", b"\xf8\x80\x80\x80\xaf"), "overlong-6": (b"", b"\xfc\x80\x80\x80\x80\xaf"),
    "overlong-nul": (b"", b"\xc0\x80"), "overlong-nul-3": (b"\xe0", b"\x80\x80"),
    "surrogate-first": (b"\xed", b"\xa0\x80"), "surrogate-last-high": (b"\xed", b"\xaf\xbf"),
    "surrogate-first-low": (b"\xed", b"\xb0\x80"), "surrogate-last": (b"\xed", b"\xbf\xbf"),
    "surrogate-pair": (b"\xed", b"\xa0\x80\xed\xb0\x80"),
    "above-10ffff": (b"\xf4", b"\x90\x80\x80"), "above-10ffff-f7": (b"", b"\xf7\xbf\xbf\xbf"),
    "five-bytes": (b"", b"\xf8\x88\x80\x80\x80"), "six-bytes": (b"", b"\xfc\x84\x80\x80\x80\x80"),
    "cut-2-then-ascii": (b"\xc3", b"a"), "cut-3-then-ascii": (b"\xe2\x82", b"a"),
    "cut-4-then-ascii": (b"\xf0\x9f\x98", b"a"), "cut-then-start": (b"\xe2", b"\xe2\x82\xac"),
    "cut-4-then-continuation-start": (b"\xf0\x9f", b"\xc3\xa4"),
}
TRUNCATED = {"2": b"\xc3", "3-of-1": b"\xe2", "3-of-2": b"\xe2\x82", "4-of-1": b"\xf0",
             "4-of-2": b"\xf0\x9f", "4-of-3": b"\xf0\x9f\x98"}
LEAD = "a few valid words, \u20ac and \u00e4: ".encode()
REST = b", and a rest that is never sent" * 3


def valid_text():
    for name, sent in VALID.items():
        yield script(f"utf8/valid-{name}", f"valid text ({name})", [frame(TEXT, sent)], [text(sent)])
        yield script(f"utf8/valid-{name}-bytes", f"valid text ({name}), byte by byte",
                     chopped(frame(TEXT, LEAD + sent), 1), [text(LEAD + sent)])
        pieces = chopped(sent, 1)
        yield script(f"utf8/valid-{name}-fragments", f"valid text ({name}) in fragments of one byte",
                     [in_fragments(pieces)], [text(sent)])
    every = "".join(map(chr, [*range(0x800), *range(0x800, 0xD800, 61), *range(0xE000, 0x110000, 997)]))
    yield script("utf8/valid-every-plane", "characters of all planes in one message",
                 [frame(TEXT, every)], [text(every)])


def in_fragments(pieces):
    last = len(pieces) - 1
    return b"".join(frame(CONTINUATION if i else TEXT, one, fin=i == last)
                    for i, one in enumerate(pieces))


def invalid_text():
    for name, (before, bad) in INVALID.items():
        yield script(f"utf8/invalid-{name}", f"invalid text ({name})",
                     [frame(TEXT, before + bad)], failed(1007))
        yield script(f"utf8/invalid-{name}-inside", f"invalid text ({name}) between valid words",
                     [frame(TEXT, "good"), frame(TEXT, LEAD + before + bad + REST)],
                     [text("good"), *failed(1007)])
        yield script(f"utf8/invalid-{name}-bytes", f"invalid text ({name}), byte by byte",
                     chopped(frame(TEXT, LEAD + before + bad + b"."), 1), failed(1007))
    for name, bad in TRUNCATED.items():
        yield script(f"utf8/truncated-{name}", "text that ends inside a character",
                     [frame(TEXT, LEAD + bad)], failed(1007))
        yield script(f"utf8/truncated-{name}-fragments",
                     "text that ends inside a character, with an empty last fragment",
                     [frame(TEXT, LEAD + bad, fin=False) + frame(CONTINUATION)], failed(1007))


def fail_fast():
    """The rest of the frame, or of the message, is never sent: the answer cannot wait for it."""
    for name, (before, bad) in INVALID.items():
        whole = frame(TEXT, LEAD + before + bad[:1] + REST)
        sent = whole[:-len(REST)]
        yield script(f"utf8/fast-{name}-in-frame", f"an invalid byte ({name}), the frame goes on after it",
                     [sent], failed(1007), ends_inside_frame=True)
        yield script(f"utf8/fast-{name}-in-frame-bytes", "the same, byte by byte",
                     chopped(sent, 1), failed(1007), ends_inside_frame=True)
        yield script(f"utf8/fast-{name}-in-fragment", f"an invalid byte ({name}) at the end of a fragment",
                     [frame(TEXT, LEAD + before + bad[:1], fin=False)], failed(1007))
        if before:
            yield script(f"utf8/fast-{name}-across-fragments",
                         f"a character begun in one fragment and spoilt ({name}) in the next",
                         [frame(TEXT, LEAD + before, fin=False),
                          frame(CONTINUATION, bad[:1] + REST, fin=False)[:-len(REST)]],
                         failed(1007), ends_inside_frame=True)
    big = frame(TEXT, b"x" * 100000 + b"\xff" + b"x" * 100000)
    yield script("utf8/fast-large", "an invalid byte in the middle of a frame of 200 KB",
                 chopped(big[:100100], 997), failed(1007), ends_inside_frame=True)
    yield script("utf8/fast-after-ping", "a fragment, a ping and its answer, then an invalid byte",
                 [frame(TEXT, LEAD, fin=False) + frame(PING, "p"), Await(1),
                  frame(CONTINUATION, b"\xff" + REST)[:-len(REST)]],
                 ["pong 'p'", *failed(1007)], ends_inside_frame=True)


def not_text():
    for name in ("ff", "overlong-2", "surrogate-first"):
        sent = b"".join(INVALID[name])
        yield script(f"utf8/binary-{name}", f"what would be invalid text ({name}) as binary",
                     [frame(BINARY, sent)], [f"binary {ascii(sent)[1:]}"])
    yield script("utf8/state-is-new", "a binary message of half a character, then valid text",
                 [frame(BINARY, b"\xe2\x82") + frame(TEXT, "\u20ac")],
                 ["binary '\\xe2\\x82'", text("\u20ac")])


def cases():
    yield from valid_text()
    yield from invalid_text()
    yield from fail_fast()
    yield from not_text()
