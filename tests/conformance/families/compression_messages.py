"""1,000 messages of each size, with several agreed parameters; context takeover; bombs."""

import itertools
import random
import threading
import zlib

from conformance.case import END, Case, close, failed
from conformance.deflate import OFFER, RSV1, Peer, fragments, offering
from conformance.scripts import play
from support.deflate_bomb import MIB, zeros
from support.frames import BINARY, CLOSE, TEXT, close_frame, frame, parse_close_payload
from support.memory import growth_of

KIB = 1 << 10
COUNT = 1000
WINDOW = 32 * KIB
ALL_SIZES = (16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB)
SOME_SIZES = (16, 256, KIB, 8 * KIB)
LARGE = 16 * KIB
SERVER, CLIENT = "server_max_window_bits", "client_max_window_bits"
FRESH_SERVER, FRESH_CLIENT = "server_no_context_takeover", "client_no_context_takeover"

# name: (offer, path, how the client compresses and reads, sizes)
COMBINATIONS = {
    "plain": (OFFER, "/echo", {}, ALL_SIZES),
    "fresh": (f"{OFFER}; {FRESH_SERVER}; {FRESH_CLIENT}", "/echo",
              {"takeover": False, "server_takeover": False}, ALL_SIZES),
    "fresh-server": (f"{OFFER}; {FRESH_SERVER}", "/echo", {"server_takeover": False}, SOME_SIZES),
    "fresh-client": (f"{OFFER}; {FRESH_CLIENT}", "/echo", {"takeover": False}, SOME_SIZES),
    "windows-9": (f"{OFFER}; {SERVER}=9; {CLIENT}=9", "/echo", {"window": 9, "server_window": 9},
                  SOME_SIZES),
    "windows-12-10": (f"{OFFER}; {SERVER}=12; {CLIENT}=10", "/echo", {"window": 10, "server_window": 12},
                      ALL_SIZES),
    "windows-8": (f"{OFFER}; {CLIENT}=8", "/echo", {"window": 9, "strategy": zlib.Z_HUFFMAN_ONLY},
                  SOME_SIZES),
    "level-9": (OFFER, "/level-9", {"level": 9}, SOME_SIZES),
    "server-window-9": (f"{OFFER}; {CLIENT}", "/window-9", {"window": 9, "server_window": 9}, SOME_SIZES),
    "mem-1": (f"{OFFER}; {CLIENT}", "/mem-1", {"window": 12, "memory": 1, "server_window": 12}, SOME_SIZES),
    "context-off": (OFFER, "/no-context", {"takeover": False, "server_takeover": False}, SOME_SIZES),
    "everything": (OFFER, "/everything", {}, SOME_SIZES),
}


# Messages


def json_text(number, size):
    chance = random.Random(number)
    text = "[" + ",".join(
        f'{{"id":{number * 1000 + i},"user":"user{chance.randrange(500)}","value":{chance.random():.4f},'
        f'"ok":{chance.choice(["true", "false"])}}}' for i in range(size // 50 + 1))
    return text.encode()[:size]


def random_bytes(number, size):
    return random.Random(number).randbytes(size)


KINDS = {"json": (TEXT, json_text), "random": (BINARY, random_bytes)}


def block_of(kind, size):
    """Different messages, which together are larger than any window."""
    return [KINDS[kind][1](number, size) for number in range(min(COUNT, WINDOW // size + 2))]


def stream_of(peer, opcode, block):
    """The bytes of COUNT messages. Once a block is in the window, each further one compresses to the
    same bytes as the second: it is compressed only twice."""
    first = [peer.message(opcode, one) for one in block]
    again = [] if len(block) >= COUNT else [peer.message(opcode, one) for one in block]
    later = itertools.cycle(again) if again else iter(())
    return b"".join([*first, *itertools.islice(later, COUNT - len(first)), close_frame(1000)])


def first_difference(client, peer, block):
    """None when COUNT messages come as they were sent."""
    for number, sent in zip(range(COUNT), itertools.cycle(block)):
        received = client.next_frame()
        if received is None:
            return f"end after {number} messages"
        if received.opcode == CLOSE:
            return f"close {parse_close_payload(received.payload)} after {number} messages"
        try:
            payload = peer.inflate(received.payload) if received.rsv == RSV1 else received.payload
        except zlib.error as error:
            return f"message {number} does not inflate: {error}"
        if payload != sent:
            return f"message {number} differs: {len(payload)} bytes instead of {len(sent)}"
    return None


def run_thousand(target, kind, size, offer, path, options):
    peer, opcode, block = Peer(**options), KINDS[kind][0], block_of(kind, size)
    stream = stream_of(peer, opcode, block)
    with target.client(timeout=30) as client:
        client.open(path, headers=offering(offer))
        sender = threading.Thread(target=client.send, args=(stream,), daemon=True)
        sender.start()
        difference = first_difference(client, peer, block)
        if difference:
            return [difference]
        sender.join()
        return [f"{COUNT} messages as sent", *client.events()]


def thousands():
    expected = [f"{COUNT} messages as sent", close(1000), END]
    for name, (offer, path, options, sizes) in COMBINATIONS.items():
        for size, kind in itertools.product(sizes, KINDS):
            # What takes long is run where it shows something new.
            is_large = size > LARGE
            if is_large and kind == "random" and name != "plain":
                continue
            yield Case(f"compression_messages/{name}-{kind}-{size}",
                       f"{COUNT} messages ({kind}) of {size} bytes, offering {offer} at {path}", expected,
                       lambda target, kind=kind, size=size, offer=offer, path=path, options=options:
                       run_thousand(target, kind, size, offer, path, options),
                       ("echo",) if is_large and (name, kind) != ("plain", "json") else ("echo", "relay"))


# Context takeover


def sizes_of_two_echoes(target, offer, path):
    message = json_text(1, 2000)
    with target.client() as client:
        client.open(path, headers=offering(offer))
        client.send(frame(TEXT, message) * 2)
        first, second = client.next_frame(), client.next_frame()
    return ["the second echo refers to the first" if len(second.payload) < len(first.payload) // 4
            else "the second echo stands alone"]


def takeover():
    for name, offer, path, alone in (
            ("kept", OFFER, "/echo", False), ("client-only-fresh", f"{OFFER}; {FRESH_CLIENT}", "/echo", False),
            ("fresh", f"{OFFER}; {FRESH_SERVER}", "/echo", True), ("off", OFFER, "/no-context", True),
            ("small-window", f"{OFFER}; {SERVER}=9", "/echo", True)):
        yield Case(f"compression_messages/takeover-{name}", f"two equal messages, offering {offer} at {path}",
                   ["the second echo stands alone" if alone else "the second echo refers to the first"],
                   lambda target, offer=offer, path=path: sizes_of_two_echoes(target, offer, path))


# Bombs


MEMORY_BOUND = 32 * MIB


def run_bomb(target, step):
    with growth_of(target.handler_server.children()) as growth:
        told = play(target, [step], "/limited", headers=offering())
    grown = growth()
    return [*told, "memory bounded" if grown < MEMORY_BOUND else f"{grown // MIB} MiB of memory"]


def bombs():
    expected = [*failed(1009), "memory bounded"]
    for name, build in (("frame", lambda: frame(BINARY, zeros(1024), rsv=RSV1)),
                        ("text", lambda: frame(TEXT, zeros(1024), rsv=RSV1)),
                        ("fragments", lambda: fragments(BINARY, zeros(1024), 1000))):
        yield Case(f"compression_messages/bomb-{name}", f"1 GiB of zeros in about 1 MiB ({name}), limit 1 MiB",
                   expected, lambda target, build=build: run_bomb(target, build()))
    yield Case("compression_messages/bomb-small", "two MiB in about 2 KiB, limit 1 MiB", expected,
               lambda target: run_bomb(target, frame(BINARY, zeros(2), rsv=RSV1)))
    yield Case("compression_messages/at-limit", "a message that inflates to the limit",
               ["a message of 1 MiB", close(1000), END], run_at_limit)


def run_at_limit(target):
    peer = Peer()
    with target.client() as client:
        client.open("/limited", headers=offering())
        client.send(frame(BINARY, zeros(1)[:-4], rsv=RSV1) + close_frame(1000))
        received = peer.inflate(client.next_frame().payload)
        told = "a message of 1 MiB" if received == bytes(MIB) else f"{len(received)} bytes"
        return [told, *client.events()]


def cases():
    yield from thousands()
    yield from takeover()
    yield from bombs()
