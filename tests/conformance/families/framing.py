"""Data frames of every length form, however they are cut on their way, and what a header must not say."""

from conformance.case import binary, failed, text
from conformance.client import Settle
from conformance.scripts import chopped, chopped_at_the_ends, script
from support.frames import BINARY, DEFAULT_MASK, PING, TEXT, frame, masked

LENGTHS = (0, 125, 126, 127, 128, 65535, 65536)
KINDS = {"text": (TEXT, text), "binary": (BINARY, binary)}
CHOPS = {
    "whole": ("in one write", lambda data: [data]),
    "997": ("in writes of 997 bytes", lambda data: chopped(data, 997)),
    "bytes": ("byte by byte (at the ends, where it is long)", chopped_at_the_ends),
}


def payload(kind, size):
    if kind == "binary":
        return bytes(i * 7 % 256 for i in range(size))
    return ("\u20ac12 \u00e4\U0001f600" * (size // 10 + 1)).encode()[:size].decode(errors="ignore") \
        .encode().ljust(size, b".")


def lengths():
    for kind, (opcode, told) in KINDS.items():
        for size in LENGTHS:
            sent = payload(kind, size)
            for chop, (how, cut) in CHOPS.items():
                yield script(f"framing/{kind}-{size}-{chop}", f"a {kind} message of {size} bytes {how}",
                             cut(frame(opcode, sent)), [told(sent)])


def long_form(opcode, size, marker, payload=b""):
    """A frame whose length is written in the form `marker` (126 or 127), which may be too long."""
    width = {126: 2, 127: 8}[marker]
    return bytes([0x80 | opcode, 0x80 | marker]) + size.to_bytes(width, "big") + DEFAULT_MASK \
        + masked(payload, DEFAULT_MASK)


def header_mistakes():
    for size, marker in ((0, 126), (5, 126), (125, 126), (0, 127), (125, 127), (126, 127), (65535, 127)):
        for name, opcode in (("binary", BINARY), ("ping", PING)):
            if name == "ping" and size > 125:
                continue
            yield script(f"framing/not-minimal-{name}-{size}-in-{marker}",
                         f"a {name} frame of {size} bytes with the length form {marker}",
                         [long_form(opcode, size, marker, bytes(size))], failed(1002))
    for size in (1 << 63, (1 << 64) - 1):
        yield script(f"framing/high-bit-{size:x}", "a 64-bit length with the most significant bit",
                     [long_form(BINARY, size, 127)], failed(1002), ends_inside_frame=True)
    for name, opcode in (("text", TEXT), ("binary", BINARY), ("ping", PING), ("close", 8)):
        yield script(f"framing/unmasked-{name}", f"a {name} frame without a mask",
                     [frame(opcode, b"", mask=False)], failed(1002))
    yield script("framing/unmasked-after-good", "a masked message, then one without a mask",
                 [frame(TEXT, "good"), Settle(1), frame(TEXT, "bad", mask=False)], [text("good"), *failed(1002)])
    yield script("framing/unmasked-continuation", "a fragment without a mask",
                 [frame(TEXT, "good", fin=False), frame(0, "bad", mask=False)], failed(1002))


def masking_keys():
    keys = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01", b"\x80\0\0\0", b"\xde\xad\xbe\xef")
    for key in keys:
        for size in (1, 2, 3, 4, 5, 200):
            sent = payload("text", size)
            yield script(f"framing/mask-{key.hex()}-{size}", f"{size} bytes masked with {key.hex()}",
                         [frame(TEXT, sent, mask=key)], [text(sent)])
    changing = [frame(TEXT, f"message {i}", mask=bytes([i, 255 - i, i * 3 % 256, 77]))
                for i in range(100)]
    yield script("framing/mask-changes", "100 messages, each with a masking key of its own",
                 [b"".join(changing)], [text(f"message {i}") for i in range(100)])


def cases():
    yield from lengths()
    yield from header_mistakes()
    yield from masking_keys()
