"""Sessions with permessage-deflate: what compressed messages may and may not be (RFC 7692 6 and 7.2)."""

import zlib

from conformance.case import END, Case, close, failed, pong, text
from conformance.deflate import OFFER, RSV1, TAIL, Peer, compressed, fragments, offering
from conformance.scripts import chopped, play
from support.frames import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, close_payload,
                            frame)

WORDS = ("a message that compresses, " * 10).encode()
HELLO = bytes.fromhex("f248cdc9c90700")  # RFC 7692 7.2.3.1
HELLO_STORED = bytes.fromhex("000500faff48656c6c6f00")  # 7.2.3.3
HELLO_FINAL = bytes.fromhex("f348cdc9c9070000")  # 7.2.3.4
HELLO_TWO_BLOCKS = bytes.fromhex("f24805000000ffffcac9c90700")  # 7.2.3.5


def deflated(name, does, steps, expected, path="/echo", offer=OFFER, peer=Peer,
                 ends_inside_frame=False):
    """`steps` may be a function of the peer, `peer` makes it."""
    expected = list(expected)
    sends_close = not any(one.startswith("close") for one in expected)
    if sends_close:
        expected += [close(1000), END]

    def run(target):
        ours = peer()
        sent = list(steps(ours) if callable(steps) else steps)
        sent += [close_frame(1000)] if sends_close else []
        return play(target, sent, path, ends_inside_frame, sends_close, ours.describe, offering(offer))
    return Case(f"compression/{name}", does, expected, run)


def examples():
    hello = [text("Hello")]
    for name, payload in (("rfc-hello", HELLO), ("rfc-stored", HELLO_STORED), ("rfc-final", HELLO_FINAL),
                          ("rfc-two-blocks", HELLO_TWO_BLOCKS)):
        yield deflated(name, "the RFC's example", [frame(TEXT, payload, rsv=RSV1)], hello)
        yield deflated(f"{name}-bytes", "the same, byte by byte",
                           chopped(frame(TEXT, payload, rsv=RSV1), 1), hello)
        yield deflated(f"{name}-fragments", "the same in fragments of one byte",
                           [fragments(TEXT, payload, 1)], hello)
    yield deflated("rfc-context", "the RFC's second Hello, which refers to the first",
                       [frame(TEXT, HELLO, rsv=RSV1) + frame(TEXT, bytes.fromhex("f200110000"), rsv=RSV1)],
                       hello * 2)


def messages():
    yield deflated("words", "a message that compresses", lambda peer: [peer.message(TEXT, WORDS)],
                       [compressed(TEXT, WORDS)])
    yield deflated("binary", "a binary message", lambda peer: [peer.message(BINARY, bytes(5000))],
                       [compressed(BINARY, bytes(5000))])
    yield deflated("uncompressed", "an uncompressed message in such a session",
                       [frame(TEXT, WORDS)], [compressed(TEXT, WORDS)])
    yield deflated("mixed", "compressed and uncompressed messages in turn",
                       lambda peer: [peer.message(TEXT, WORDS), frame(BINARY, b"plain")] * 3,
                       [compressed(TEXT, WORDS), "binary 'plain'"] * 3)
    yield deflated("min-size", "an echo below and at the minimum size of 64 bytes",
                       [frame(TEXT, "x" * 63), frame(TEXT, "x" * 64)],
                       [text("x" * 63), compressed(TEXT, b"x" * 64)])
    for name, payload in (("empty", b"\x00"), ("empty-block", b"\x02\x00"),
                          ("empty-two-blocks", b"\x00\x00\x00\xff\xff\x00"), ("empty-final", b"\x03\x00\x00")):
        yield deflated(name, f"an empty message, compressed to {payload.hex()}",
                           [frame(TEXT, payload, rsv=RSV1)] * 3, [text("")] * 3)
    yield deflated("empty-answer", "an empty message where all are compressed",
                       [frame(TEXT, b"\x00", rsv=RSV1)], [compressed(TEXT, b"")], "/everything")
    yield deflated("empty-fragments", "empty fragments around a compressed one",
                       lambda peer: [frame(TEXT, b"", rsv=RSV1, fin=False)
                                     + frame(CONTINUATION, peer.deflate(WORDS), fin=False)
                                     + frame(CONTINUATION)], [compressed(TEXT, WORDS)])


def in_blocks(flush):
    """One message of many blocks, each ended with this flush."""
    def steps(_):
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = b"".join(deflater.compress(WORDS[i:i + 7]) + deflater.flush(flush)
                        for i in range(0, len(WORDS), 7)) + deflater.flush(zlib.Z_SYNC_FLUSH)
        return [frame(TEXT, data[:-4], rsv=RSV1)]
    return steps


def final(data):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush(zlib.Z_FINISH)


def blocks():
    for name, flush in (("sync", zlib.Z_SYNC_FLUSH), ("full", zlib.Z_FULL_FLUSH), ("block", zlib.Z_BLOCK),
                        ("partial", zlib.Z_PARTIAL_FLUSH)):
        yield deflated(f"blocks-{name}", f"a message of many blocks ({name} flush)", in_blocks(flush),
                           [compressed(TEXT, WORDS)])
    for name, level, strategy in (("stored", 0, zlib.Z_DEFAULT_STRATEGY), ("fixed", 6, zlib.Z_FIXED),
                                  ("huffman", 6, zlib.Z_HUFFMAN_ONLY), ("rle", 6, zlib.Z_RLE)):
        yield deflated(f"blocks-{name}", f"blocks of one kind ({name})",
                           lambda peer: [peer.message(TEXT, WORDS * 20)], [compressed(TEXT, WORDS * 20)],
                           peer=lambda level=level, strategy=strategy: Peer(level, strategy=strategy))
    twice = WORDS + WORDS
    yield deflated("final", "a final block, and a byte for the tail",
                       [frame(TEXT, final(WORDS) + b"\x00", rsv=RSV1)], [compressed(TEXT, WORDS)])
    yield deflated("final-twice", "two final blocks in one message",
                       [frame(TEXT, final(WORDS) + final(WORDS) + b"\x00", rsv=RSV1)],
                       [compressed(TEXT, twice)])
    yield deflated("final-then-more", "blocks behind a final block",
                       lambda peer: [frame(TEXT, final(WORDS) + peer.deflate(WORDS), rsv=RSV1)],
                       [compressed(TEXT, twice)])
    yield deflated("final-then-message", "a message behind one with a final block",
                       lambda peer: [frame(TEXT, final(WORDS) + b"\x00", rsv=RSV1),
                                     peer.message(TEXT, WORDS)], [compressed(TEXT, WORDS)] * 2)
    yield deflated("final-fragments", "two final blocks in fragments of one byte",
                       [fragments(TEXT, final(WORDS) + final(WORDS) + b"\x00", 1)],
                       [compressed(TEXT, twice)])


def in_fragments():
    for size in (1, 7, 125):
        yield deflated(f"fragments-{size}", f"a compressed message in fragments of {size} bytes",
                           lambda peer, size=size: [fragments(TEXT, peer.deflate(WORDS * 9), size)],
                           [compressed(TEXT, WORDS * 9)])

    def pinged(peer):
        return [fragments(BINARY, peer.deflate(WORDS), 10, frame(PING, "p") + frame(PONG, "q"))]
    count = -(-len(Peer().deflate(WORDS)) // 10) - 1
    yield deflated("fragments-pings", "pings and pongs between compressed fragments", pinged,
                       [pong(b"p")] * count + [compressed(BINARY, WORDS)])
    yield deflated("fragments-close", "a Close frame between compressed fragments",
                       [frame(TEXT, HELLO[:3], rsv=RSV1, fin=False) + close_frame(4000)],
                       [close(4000), END])


def mistakes():
    first = frame(TEXT, HELLO[:3], rsv=RSV1, fin=False)
    bad = {
        "rsv1-continuation": ("RSV1 on a continuation", first + frame(CONTINUATION, HELLO[3:], rsv=RSV1)),
        "rsv1-plain-continuation": ("RSV1 on the continuation of an uncompressed message",
                                    frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", rsv=RSV1)),
        "rsv1-ping": ("RSV1 on a ping", frame(PING, "p", rsv=RSV1)),
        "rsv1-pong": ("RSV1 on a pong", frame(PONG, "p", rsv=RSV1)),
        "rsv1-close": ("RSV1 on a Close", frame(CLOSE, close_payload(1000), rsv=RSV1)),
        "rsv1-ping-inside": ("RSV1 on a ping between fragments", first + frame(PING, "p", rsv=RSV1)),
        "rsv2": ("RSV2 on a message", frame(TEXT, HELLO, rsv=2)),
        "rsv3": ("RSV3 on a message", frame(TEXT, HELLO, rsv=1)),
        "rsv1-and-rsv3": ("RSV1 and RSV3 on a message", frame(TEXT, HELLO, rsv=5)),
        "reserved-opcode": ("RSV1 on a reserved opcode", frame(3, HELLO, rsv=RSV1)),
    }
    for name, (does, sent) in bad.items():
        yield deflated(name, does, [sent], failed(1002))
    for name, offer, path in (("declined", f"{OFFER}; server_max_window_bits=8", "/echo"),
                              ("off", OFFER, "/uncompressed"), ("not-offered", "", "/echo")):
        yield deflated(f"rsv1-{name}", f"RSV1 in a session without the extension ({name})",
                           [frame(TEXT, HELLO, rsv=RSV1)], failed(1002), path, offer)


CORRUPT = {
    "block-type": ("a block of the reserved type", b"\x07"),
    "ones": ("nothing but ones", b"\xff" * 20),
    "stored-length": ("a stored block whose lengths do not agree", b"\x00\x05\x00\x00\x00Hello"),
    "far-distance": ("a reference to before the beginning", bytes.fromhex("f200110000")),
    "bad-code-lengths": ("dynamic code lengths that make no code", b"\x04\x00\xfe\xff"),
}


def corrupt_data():
    for name, (does, payload) in CORRUPT.items():
        yield deflated(f"corrupt-{name}", does, [frame(BINARY, payload, rsv=RSV1)], failed(1007))
        yield deflated(f"corrupt-{name}-fast", f"{does}, in a message that does not end",
                           [frame(BINARY, payload + bytes(8), rsv=RSV1, fin=False)], failed(1007))
    # Who takes these for messages answers the Close.
    for name, does, payload in (
            ("nothing", "no byte at all, where an empty message has one", b""),
            ("cut-stored", "a stored block that is cut before its end", b"\x00\x40\x00\xbf\xffcut"),
            ("cut-dynamic", "a block that is cut before its end", Peer().deflate(WORDS)[:20])):
        yield deflated(f"corrupt-{name}", does,
                       [frame(BINARY, payload, rsv=RSV1) + close_frame(4999)], failed(1007))
    yield deflated("corrupt-after-good", "a good message, then a corrupt one",
                       lambda peer: [peer.message(TEXT, WORDS), frame(TEXT, b"\x07", rsv=RSV1)],
                       [compressed(TEXT, WORDS), *failed(1007)])
    yield deflated("context-not-kept", "a reference to the message before, where no context is kept",
                       [frame(TEXT, HELLO, rsv=RSV1) + frame(TEXT, bytes.fromhex("f200110000"), rsv=RSV1)],
                       [text("Hello"), *failed(1007)], offer=f"{OFFER}; client_no_context_takeover")


def text_after_inflating():
    bad = b"good words, " * 20 + b"\xff" + b"more words" * 20
    yield deflated("invalid-text", "text that is not UTF-8 once inflated",
                       lambda peer: [peer.message(TEXT, bad)], failed(1007))
    yield deflated("invalid-text-fast", "the same, in a message that does not end",
                       lambda peer: [frame(TEXT, peer.deflate(bad) + TAIL, rsv=RSV1, fin=False)],
                       failed(1007))
    yield deflated("invalid-text-in-frame", "the same, in a frame that does not end",
                       lambda peer: [frame(TEXT, peer.deflate(bad) + TAIL + bytes(500), rsv=RSV1)[:-500]],
                       failed(1007), ends_inside_frame=True)
    yield deflated("truncated-text", "text that ends inside a character once inflated",
                       lambda peer: [peer.message(TEXT, b"\xe2\x82")], failed(1007))
    yield deflated("invalid-bytes", "the same bytes as a binary message",
                       lambda peer: [peer.message(BINARY, bad)], [compressed(BINARY, bad)])


def cases():
    yield from examples()
    yield from messages()
    yield from blocks()
    yield from in_fragments()
    yield from mistakes()
    yield from corrupt_data()
    yield from text_after_inflating()
