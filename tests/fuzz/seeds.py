"""Writes the corpus that the fuzzers begin with: tests/fuzz/corpus/<fuzzer>/<name>.

Each input begins with the bytes that its fuzzer takes for choices; see the fuzzers."""

import random
import shutil
import sys
import zlib
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
sys.path.insert(0, str(CORPUS.parents[1]))

from conformance.deflate import OFFER, RSV1, TAIL, Peer, fragments  # noqa: E402
from conformance.families.closing import BAD_CODES, BAD_REASONS  # noqa: E402
from conformance.families.compression import CORRUPT, HELLO, WORDS, final  # noqa: E402
from conformance.families.compression_offers import DECLINED_OFFERS, MALFORMED  # noqa: E402
from conformance.families.utf8 import INVALID, VALID  # noqa: E402
from support.frames import (BINARY, CLOSE, CONTINUATION, DEFAULT_MASK, PING, PONG, TEXT,  # noqa: E402
                            close_frame, close_payload, frame)
from support.raw_client import KEY  # noqa: E402

CLIENT_ROLE, COMPRESSED = 1, 2
WINDOWS = range(9, 16)
ZLIB_LOOKAHEAD = 262  # so much of its window deflate does not refer to
CUT = 7  # how the input is cut: see Chopper
HELLO_AGAIN = bytes.fromhex("f200110000")  # RFC 7692 7.2.3.2


def frame_choices(role=0, compressed=0):
    return bytes([role | compressed, CUT])


def both_roles(name, build):
    """`build(mask)` gives the frames: masked ones for a server, others for a client."""
    yield f"{name}-server", frame_choices() + build(DEFAULT_MASK)
    yield f"{name}-client", frame_choices(CLIENT_ROLE) + build(None)


def header(first, *rest, mask=DEFAULT_MASK):
    return bytes([first, *rest]) + mask


def kinds(mask):
    return b"".join(frame(opcode, payload, mask=mask) for opcode, payload in (
        (TEXT, "text"), (BINARY, b"\x00\xff"), (PING, "ping"), (PONG, "pong"), (TEXT, ""), (PING, ""),
        (PONG, ""), (BINARY, b"b" * 125), (PING, "p" * 125), (CLOSE, close_payload(4001, "bye"))))


def fragmented(mask):
    return frame(TEXT, "frag", fin=False, mask=mask) + frame(PING, "between", mask=mask) \
        + frame(CONTINUATION, "men", fin=False, mask=mask) + frame(CONTINUATION, "", fin=False, mask=mask) \
        + frame(PONG, "", mask=mask) + frame(CONTINUATION, "t", mask=mask) + frame(BINARY, b"whole", mask=mask) \
        + frame(BINARY, b"", fin=False, mask=mask) + frame(CONTINUATION, b"", mask=mask)


def violations():
    yield "opcode-3", frame(3, "bad")
    yield "opcode-15", frame(15, "bad", fin=False)
    for rsv in (1, 2, 4, 7):
        yield f"rsv-{rsv}", frame(TEXT, "bad", rsv=rsv)
    yield "unmasked", frame(TEXT, "bad", mask=None)
    yield "long-ping", frame(PING, bytes(126))
    yield "fragmented-ping", frame(PING, "p", fin=False)
    yield "lone-continuation", frame(CONTINUATION, "x")
    yield "text-in-text", frame(TEXT, "a", fin=False) + frame(TEXT, "b")
    yield "not-minimal-16", header(0x82, 0xFE, 0, 5) + b"12345"
    yield "not-minimal-64", header(0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 200) + bytes(200)
    yield "high-bit", header(0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1)
    yield "largest", header(0x82, 0xFF, 0x7F, *[0xFF] * 7)
    yield "above-limit", header(0x82, 0xFF, 0, 0, 0, 0, 0, 2, 0, 0)
    yield "fragments-above-limit", frame(BINARY, bytes(3000), fin=False) \
        + header(0x80, 0xFF, 0, 0, 0, 0, 0, 1, 1, 0)


def text_frames():
    yield "valid", b"".join(frame(TEXT, text) for text in VALID.values())
    every = b"".join(VALID.values())
    yield "valid-fragments", frame(TEXT, every[:1], fin=False) + b"".join(
        frame(CONTINUATION, every[i:i + 1], fin=False) for i in range(1, len(every))) + frame(CONTINUATION)
    for name in ("ff", "overlong-3", "surrogate-first", "above-10ffff", "cut-4-then-ascii"):
        before, bad = INVALID[name]
        yield name, frame(TEXT, b"good " + before, fin=False) + frame(CONTINUATION, bad + b" rest")
    yield "truncated", frame(TEXT, b"good \xf0\x9f\x98")
    yield "truncated-in-fragments", frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION)


def closes():
    for name, payload in close_payloads():
        yield name, frame(PING, "before") + frame(CLOSE, payload) + frame(TEXT, "after")


def compressed_frames(window):
    peer = Peer(window=window)
    sent = peer.message(TEXT, WORDS) + peer.message(TEXT, WORDS) + frame(TEXT, "plain") \
        + fragments(BINARY, peer.deflate(bytes(range(256)) * 9), 50, frame(PING, "p"))
    if window < 12:
        sent += peer.message(BINARY, far_apart((1 << window) - ZLIB_LOOKAHEAD))
    return sent + close_frame(1000)


def far_apart(distance):
    """Noise, and the same once more: nothing in it refers to anything nearer."""
    return random.Random(distance).randbytes(distance) * 2


def two_mistakes():
    """In one message: the first counts, wherever the input is cut."""
    printable = random.Random(1).choices(range(32, 127), k=1400)
    text = bytes(67_000) + bytes(printable[:900]) + b"\xff" + bytes(printable[900:])
    yield "not-utf8-then-too-big", Peer().message(TEXT, text)
    swells = Peer().deflate(bytes(67_000) + random.Random(1).randbytes(1100)) + TAIL
    yield "too-big-then-corrupt", frame(BINARY, swells + b"\x07", rsv=RSV1)


def compressed_violations():
    for name, (_, payload) in CORRUPT.items():
        yield f"corrupt-{name}", frame(TEXT, HELLO, rsv=RSV1) + frame(BINARY, payload, rsv=RSV1)
    for name, payload in (("nothing", b""), ("cut-stored", b"\x00\x40\x00\xbf\xffcut"),
                          ("cut-dynamic", Peer().deflate(WORDS)[:20])):
        yield f"corrupt-{name}", frame(BINARY, payload, rsv=RSV1)
    yield "rsv1-continuation", frame(TEXT, HELLO[:3], rsv=RSV1, fin=False) + frame(CONTINUATION, HELLO[3:], rsv=RSV1)
    yield "rsv1-ping", frame(PING, "p", rsv=RSV1)
    yield "swells", frame(BINARY, Peer(9).deflate(bytes(1 << 20)), rsv=RSV1)
    yield "swells-to-limit", frame(BINARY, Peer(9).deflate(bytes(68_000)), rsv=RSV1)
    yield from two_mistakes()
    yield "not-utf8", Peer().message(TEXT, b"good words, " * 20 + b"\xff" + b"more words" * 20)
    yield "truncated-text", Peer().message(TEXT, b"\xe2\x82")


def frames_corpus():
    yield from both_roles("kinds", kinds)
    yield from both_roles("fragments", fragmented)
    for length in (126, 127, 1000):
        yield from both_roles(f"length-{length}", lambda mask, n=length: frame(BINARY, b"x" * n, mask=mask))
    yield "length-65536", frame_choices() + frame(TEXT, "x" * 65536)
    for name, sent in (*violations(), *closes()):
        yield name, frame_choices() + sent
    for name, sent in text_frames():
        yield f"text-{name}", frame_choices() + sent
    for window in WINDOWS:
        yield f"compressed-window-{window}", frame_choices(0, COMPRESSED) + compressed_frames(window)
    yield "compressed-client", frame_choices(CLIENT_ROLE, COMPRESSED) \
        + frame(TEXT, HELLO, rsv=RSV1, mask=None) + frame(TEXT, HELLO_AGAIN, rsv=RSV1, mask=None)
    for name, sent in compressed_violations():
        yield f"compressed-{name}", frame_choices(0, COMPRESSED) + sent


def inflate_corpus():
    def choices(takeover=1, window=15):
        return bytes([takeover | (window - WINDOWS[0]) << 1, CUT])
    plain = Peer()
    payloads = {"rfc-hello": HELLO + HELLO_AGAIN, "empty": b"\x00", "final": final(WORDS) + b"\x00",
                "final-then-more": final(WORDS) + plain.deflate(WORDS), "swells": Peer(9).deflate(bytes(1 << 20)),
                "stored": Peer(0).deflate(WORDS), "fixed": Peer(strategy=zlib.Z_FIXED).deflate(WORDS),
                "huffman": Peer(strategy=zlib.Z_HUFFMAN_ONLY).deflate(WORDS), "words": WORDS,
                "two-messages": plain.deflate(WORDS) + TAIL + plain.deflate(WORDS) + TAIL,
                **{f"corrupt-{name}": payload for name, (_, payload) in CORRUPT.items()}}
    for name, payload in payloads.items():
        yield name, choices() + payload
    yield "no-context", choices(takeover=0) + HELLO + HELLO_AGAIN
    for window in WINDOWS:
        yield f"window-{window}", choices(window=window) + Peer(window=window).deflate(WORDS * 50)


def extensions_corpus():
    # No context takeover for either side, windows of 9 to 15; then everything as wide as it goes.
    offers = {"plain": OFFER, "all-four": f"{OFFER}; client_max_window_bits=10; client_no_context_takeover; "
                                          "server_max_window_bits=12; server_no_context_takeover",
              "quoted": f'{OFFER}; server_max_window_bits="10"', "odd-space": f"  {OFFER}\t;server_max_window_bits = 10 ;",
              "two": f"{OFFER}; server_max_window_bits=8, {OFFER}; client_max_window_bits",
              "behind-unknown": f'x-foo; a="b\\"c", x-bar; d=e, {OFFER}', "empty-elements": f", ,{OFFER},,"}
    for name, parameter in DECLINED_OFFERS.items():
        offers[f"declined-{name}"] = f"{OFFER}; {parameter}"
    for name, value in MALFORMED.items():
        offers[f"malformed-{name}"] = value
    for number, (name, header_value) in enumerate(offers.items()):
        yield name, bytes([number * 37 % 256]) + header_value.encode()


def handshake_corpus():
    usual = {"method": "GET", "upgrade": "websocket", "connection": "keep-alive, Upgrade", "key": KEY,
             "version": "13", "subprotocols": "chat, chat.v2", "extensions": f"{OFFER}; client_max_window_bits",
             "origin": "https://example.org", "host": "example.org"}
    changes = {"usual": {}, "post": {"method": "POST"}, "no-upgrade": {"upgrade": ""}, "no-key": {"key": ""},
               "several-upgrades": {"upgrade": "h2c, WebSocket"}, "no-connection": {"connection": "close"},
               "short-key": {"key": KEY[2:]}, "bad-key": {"key": "*" + KEY[1:]}, "version-12": {"version": "12"},
               "no-version": {"version": ""}, "origin-null": {"origin": "null"}, "no-origin": {"origin": ""},
               "origin-port": {"origin": "http://a.b.example.com:8080", "host": "*.example.com:8080"},
               "origin-pattern": {"origin": "https://a.example.org", "host": "https://*.example.org"},
               "origin-v6": {"origin": "http://[::1]:81", "host": "[::1]:81"},
               "subprotocol": {"subprotocols": " , v1,example.org", "host": "example.org"},
               "no-extensions": {"extensions": ""}, "unknown-extension": {"extensions": "x-foo; a=b", "origin": "x-foo"},
               **{f"malformed-{name}": {"extensions": value} for name, value in MALFORMED.items()}}
    for name, change in changes.items():
        yield name, b"\x01" + "\n".join({**usual, **change}.values()).encode()
    yield "http-1.0", b"\x00" + "\n".join(usual.values()).encode()
    yield "body", b"\x03" + "\n".join(usual.values()).encode()


def close_payloads():
    yield "close-empty", b""
    yield "close-one-byte", b"\x03"
    yield "close-code", close_payload(1000)
    yield "close-reason", close_payload(4001, "a reason, \u20ac")
    yield "close-longest", close_payload(3000, "\u20ac" * 41)
    for code in BAD_CODES:
        yield f"close-code-{code}", close_payload(code, "bad")
    for name, reason in BAD_REASONS.items():
        yield f"close-reason-{name}", close_payload(1000) + reason


def close_corpus():
    yield from close_payloads()
    yield "close-too-long", "\u20ac".encode() * 60  # as a reason it is cut


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    for fuzzer, seeds in (("frames", frames_corpus()), ("inflate", inflate_corpus()), ("close", close_corpus()),
                          ("extensions", extensions_corpus()), ("handshake", handshake_corpus())):
        folder = CORPUS / fuzzer
        folder.mkdir(parents=True)
        for name, data in seeds:
            assert not (folder / name).exists(), name
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
