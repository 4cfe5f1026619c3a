"""What WebSocketCompression and WebSocketCompressionMemory let a client and a handler agree on."""

import os
import random
import signal
import zlib
from contextlib import ExitStack

import pytest

from support.frames import TEXT
from support.raw_client import RawClient
from support.waiting import wait_until
from support.ws_client import exchange

OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
NO_CONTEXT = {"server_no_context_takeover", "client_no_context_takeover"}
# Two contexts of a session: about 300 KiB for the server's, 40 KiB for the client's.
ROOM_FOR_ONE = "500K"
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/small-window">
    WebSocketHandler echo
    WebSocketCompression on window=10
</Location>
<Location "/no-context">
    WebSocketHandler echo
    WebSocketCompression on context-takeover=off
</Location>
<Location "/level-1">
    WebSocketHandler echo
    WebSocketCompression on level=1
</Location>
<Location "/level-9">
    WebSocketHandler echo
    WebSocketCompression on level=9
</Location>
<Location "/mem-1">
    WebSocketHandler echo
    WebSocketCompression on level=6 mem=1
</Location>
<Location "/mem-9">
    WebSocketHandler echo
    WebSocketCompression on level=6 mem=9
</Location>
<Location "/off">
    WebSocketHandler echo
    WebSocketCompression off
</Location>
"""


WORDS = " ".join(random.Random(1).choices("a few words that come in no order and often".split(), k=10000))
RSV1 = 4
TAIL = b"\x00\x00\xff\xff"


def agreed(client, path="/echo"):
    """The parameters of permessage-deflate in the 101; None without the extension."""
    answer = client.open(path, headers=OFFER).headers.get("Sec-WebSocket-Extensions")
    if answer is None:
        return None
    name, *parameters = [part.strip() for part in answer.split(";")]
    assert name == "permessage-deflate"
    return set(parameters)


def has_context(server, path="/echo"):
    with RawClient("127.0.0.1", server.port) as client:
        return not NO_CONTEXT & agreed(client, path)


@pytest.mark.parametrize("path, expected", [
    ("/echo", set()),
    ("/small-window", {"server_max_window_bits=10", "client_max_window_bits=10"}),
    ("/no-context", NO_CONTEXT),
    ("/off", None),
])
def test_a_location_agrees_to_what_it_is_configured_for(httpd, path, expected):
    server = httpd(ECHO)
    with RawClient("127.0.0.1", server.port) as client:
        assert agreed(client, path) == expected


def compressed_echo_size(server, path, text):
    with RawClient("127.0.0.1", server.port) as client:
        client.open(path, headers=OFFER)
        client.send_frame(TEXT, text)
        echoed = client.read_frame()
        assert echoed[:3] == (True, RSV1, TEXT)
        assert zlib.decompressobj(-15).decompress(echoed.payload + TAIL) == text.encode()
        return len(echoed.payload)


@pytest.mark.parametrize("harder, easier", [("/level-9", "/level-1"), ("/mem-9", "/mem-1")])
def test_what_is_sent_is_compressed_as_hard_as_the_location_says(httpd, harder, easier):
    server = httpd(ECHO)
    assert compressed_echo_size(server, harder, WORDS) < compressed_echo_size(server, easier, WORDS)


def test_sessions_beyond_the_memory_do_without_context(httpd, mpm):
    """With prefork each session is another child's."""
    server = httpd(f"WebSocketCompressionMemory {ROOM_FOR_ONE}\n{ECHO}", mpm=mpm)
    with RawClient("127.0.0.1", server.port) as first:
        assert not NO_CONTEXT & agreed(first)
        with ExitStack() as others:
            for _ in range(3):
                client = others.enter_context(RawClient("127.0.0.1", server.port))
                assert NO_CONTEXT <= agreed(client)
        messages = ["a message that is long enough to be compressed " * 3] * 3
        assert exchange(server.url("/echo"), messages, compression="deflate") == messages
    wait_until(lambda: has_context(server), "the first session's memory is free again")


def test_memory_survives_a_graceful_restart(httpd):
    """What ended with the old generation is not counted for ever."""
    server = httpd(f"WebSocketCompressionMemory {ROOM_FOR_ONE}\n{ECHO}")
    with RawClient("127.0.0.1", server.port) as client:
        assert not NO_CONTEXT & agreed(client)
        server.graceful()
    wait_until(lambda: has_context(server), "the session's memory is free again")


def test_memory_comes_back_from_a_killed_child(httpd):
    server = httpd(f"WebSocketCompressionMemory {ROOM_FOR_ONE}\n{ECHO}", may_crash=True)
    with RawClient("127.0.0.1", server.port) as client:
        assert not NO_CONTEXT & agreed(client)
        killed, = server.children()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: server.children() not in ([], [killed]), "there is a new child")
    wait_until(lambda: has_context(server), "the session's memory is free again")


def test_no_memory_means_no_context(httpd):
    assert not has_context(httpd(f"WebSocketCompressionMemory 0\n{ECHO}"))
