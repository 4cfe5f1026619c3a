"""Large messages without a limit, in frames of every size, and what is above a limit."""

from conformance.case import END, Case, binary, close, failed, text
from conformance.scripts import chopped, play, script
from conformance.targets import MAX_FRAME_SIZE, MAX_MESSAGE_SIZE
from support.frames import BINARY, CONTINUATION, TEXT, close_frame, frame

KIB, MIB = 1 << 10, 1 << 20
KINDS = {"text": (TEXT, text), "binary": (BINARY, binary)}
BLOCKS = {"text": "16 bytes: \u20ac \u00e4\n".encode(), "binary": bytes(range(240, 256))}
MESSAGES = (64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB)
FRAMES = (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB)


def size_name(size):
    return f"{size // MIB}m" if size % MIB == 0 else f"{size // KIB}k" if size % KIB == 0 else str(size)


def payload(kind, size):
    return BLOCKS[kind] * (size // 16)


def message(kind, size, frame_size):
    """All frames have the same payload, so that there is one to build."""
    opcode, part = KINDS[kind][0], payload(kind, frame_size)
    inner = size // frame_size - 2
    return frame(opcode, part, fin=False) + frame(CONTINUATION, part, fin=False) * inner \
        + frame(CONTINUATION, part)


def large(name, does, build, kind, size):
    """Its bytes are built when the case runs, and not kept."""
    def run(target):
        return play(target, [build(), close_frame(1000)], sends_close=True)
    return Case(name, does, [KINDS[kind][1](payload(kind, size)), close(1000), END], run)


def whole_messages():
    for kind, (opcode, _) in KINDS.items():
        for size in MESSAGES:
            name = size_name(size)
            yield large(f"limits/{kind}-{name}", f"a {kind} message of {name} in one frame",
                        lambda opcode=opcode, kind=kind, size=size: frame(opcode, payload(kind, size)),
                        kind, size)


def fragmented_messages():
    for kind in KINDS:
        for size in (MIB, 4 * MIB, 16 * MIB):
            for frame_size in FRAMES:
                if frame_size == size or size == 16 * MIB and frame_size not in (64, 4 * KIB, MIB):
                    continue
                yield large(f"limits/{kind}-{size_name(size)}-in-{size_name(frame_size)}",
                            f"a {kind} message of {size_name(size)} in frames of {size_name(frame_size)}",
                            lambda kind=kind, size=size, each=frame_size: message(kind, size, each),
                            kind, size)


def small_messages():
    for kind, (opcode, told) in KINDS.items():
        for size in (0, 16, 128, 1024, 16384):
            sent = payload(kind, size)
            yield script(f"limits/thousand-{kind}-{size}", f"1,000 {kind} messages of {size} bytes",
                         [frame(opcode, sent) * 1000], [told(sent)] * 1000)


def above_limits():
    limit = MAX_MESSAGE_SIZE
    yield script("limits/message-at-limit", "a message as large as allowed",
                 [frame(BINARY, bytes(limit))], [binary(bytes(limit))], path="/limited")
    yield script("limits/message-above-limit", "a message one byte larger than allowed",
                 [frame(BINARY, bytes(limit + 1))], failed(1009), path="/limited")
    yield script("limits/fragments-above-limit", "fragments that are together too large",
                 [frame(BINARY, bytes(limit), fin=False) + frame(CONTINUATION, b"x")],
                 failed(1009), path="/limited")
    yield script("limits/fragments-at-limit", "fragments that are together as large as allowed",
                 [b"".join(frame(CONTINUATION if i else BINARY, bytes(limit // 4), fin=i == 3)
                           for i in range(4))], [binary(bytes(limit))], path="/limited")
    for name, size in (("above", limit + 1), ("64-bit", 1 << 40), ("largest", (1 << 63) - 1)):
        header = b"\x82\xff" + size.to_bytes(8, "big") + b"mask"
        yield script(f"limits/header-{name}", f"a header that announces {size} bytes, and nothing more",
                     [header], failed(1009), path="/limited", ends_inside_frame=True)
    yield script("limits/frame-at-limit", "frames as large as allowed",
                 [frame(BINARY, bytes(MAX_FRAME_SIZE), fin=False) + frame(CONTINUATION, bytes(5))],
                 [binary(bytes(MAX_FRAME_SIZE + 5))], path="/small-frames")
    yield script("limits/frame-above-limit", "a frame one byte larger than allowed",
                 chopped(frame(BINARY, bytes(MAX_FRAME_SIZE + 1)), 100), failed(1009),
                 path="/small-frames", ends_inside_frame=True)


def cases():
    yield from whole_messages()
    yield from fragmented_messages()
    yield from small_messages()
    yield from above_limits()
