"""A handler may read a message in pieces: before it ends, and whatever its size."""

import threading
import zlib

import pytest

from support.frames import (BINARY, CONTINUATION, DEFAULT_MASK, TEXT, frame, frame_header,
                            masked)
from support.httpd_config import load_module, ws_modules
from support.raw_client import RawClient

CONFIG = f"""
{load_module("ws_streams_module", ws_modules() / "ws_streams.so")}
WebSocketMaxMessageSize 0
<Location "/measure">
    WebSocketHandler measure
</Location>
<Location "/swallow">
    WebSocketHandler swallow
</Location>
<Location "/pieces">
    WebSocketHandler pieces
</Location>
<Location "/limited">
    WebSocketHandler measure
    WebSocketMaxMessageSize 1000
</Location>
"""
PERIOD = 251
BLOCK = bytes(i % PERIOD for i in range(PERIOD << 12))  # as `measure` expects it
MASKED_PERIOD = 4 * PERIOD
MASKED_BLOCKS = masked(BLOCK, DEFAULT_MASK) * 3
MIB = 1 << 20
GIB = 1 << 30
MAX_GROWTH_BYTES = 4 << 20


@pytest.fixture(scope="module")
def module_server(module_httpd):
    return module_httpd(CONFIG, tls=True)


@pytest.fixture
def server(module_server):
    with module_server.shared() as server:
        yield server


@pytest.fixture
def client(server, tls):
    with RawClient("127.0.0.1", server.port_of(tls), tls, timeout=60) as client:
        yield client


@pytest.mark.parametrize("fragment_bytes", [GIB, MIB], ids=["one-frame", "fragments"])
def test_a_message_of_1_gib_takes_constant_memory(server, client, tls, fragment_bytes):
    client.open("/measure")
    client.send(frame(BINARY, BLOCK, mask=True))
    client.expect_frame(TEXT, f"{len(BLOCK)} good")
    before = server.child_rss_bytes()
    peak = before
    sent = 0
    while sent < GIB:
        client.send(frame_header(CONTINUATION if sent else BINARY, fragment_bytes,
                                 fin=sent + fragment_bytes == GIB, key=DEFAULT_MASK))
        for start in range(sent, sent + fragment_bytes, MIB):
            phase = start % MASKED_PERIOD
            client.send(MASKED_BLOCKS[phase:phase + MIB])
            peak = max(peak, server.child_rss_bytes())
        sent += fragment_bytes
    client.expect_frame(TEXT, f"{GIB} good")
    assert max(peak, server.child_rss_bytes()) - before < MAX_GROWTH_BYTES


def test_a_compressed_message_of_1_gib_takes_constant_memory(server):
    """It swells a thousandfold, and is inflated only as fast as it is read."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = b"".join(deflater.compress(bytes(MIB)) for _ in range(GIB // MIB))
    payload = (part + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    with RawClient("127.0.0.1", server.port, timeout=60) as client:
        client.open("/swallow", headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
        client.send_frame(BINARY, b"")
        client.expect_frame(TEXT, "0")
        before = server.child_rss_bytes()
        sizes = Sampler(server.child_rss_bytes)
        client.send_frame(BINARY, payload, rsv=4)
        client.expect_frame(TEXT, str(GIB))
        assert sizes.peak() - before < MAX_GROWTH_BYTES


def test_pieces_reach_the_handler_before_the_message_ends(client):
    client.open("/pieces")
    whole = frame(TEXT, "first, second, ", fin=False, mask=True)
    client.send(whole[:12])
    client.expect_frame(TEXT, "first,")
    client.send(whole[12:])
    client.expect_frame(TEXT, " second, ")
    client.send_frame(CONTINUATION, "third")
    client.expect_frame(TEXT, "third")


def test_the_size_limit_holds_for_a_message_in_pieces(client):
    client.open("/limited")
    client.send_frame(BINARY, BLOCK[:600], fin=False)
    client.send_frame(CONTINUATION, BLOCK[:401])
    code, _ = client.expect_close()
    assert code == 1009


class Sampler:
    """Measures again and again, until it is asked for the peak."""

    def __init__(self, measure):
        self._measure = measure
        self._done = threading.Event()
        self._peak = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def peak(self):
        self._done.set()
        self._thread.join()
        return self._peak

    def _run(self):
        while not self._done.is_set():
            self._peak = max(self._peak, self._measure())
