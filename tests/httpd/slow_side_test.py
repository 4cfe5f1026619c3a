"""A side that takes what is sent to it slowly, or not at all: what it costs, what it gets, what the other side gets."""

import threading
import time
import zlib
from contextlib import suppress

import pytest

from support.frames import BINARY, CLOSE, PING, PONG, close_frame, frame, frame_header
from support.relay import Relay

PATHS = {
    "wait": "",
    "close": "WebSocketSendQueue 256K close",
    "drop": "WebSocketSendQueue 256K drop",
    "large-queue": "WebSocketSendQueue 64M close\nWebSocketCloseTimeout 1s",
    "inflated": "WebSocketSendQueue 64K close\nWebSocketCompression on leg=backend",
    "pinged": "WebSocketPingInterval 500ms\nWebSocketPongTimeout 500ms",
    "bytes": "WebSocketSendQueue 64K drop",
}
MIB = 1 << 20
MAX_GROWTH_BYTES = 8 * MIB
MESSAGE = frame(BINARY, bytes(65000), mask=False)
MESSAGES = 160  # more than all buffers on the way together hold


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    sections = "".join(f'<Location "/{path}">\n{rules}\n</Location>\n' for path, rules in PATHS.items())
    mappings = "".join(f'ProxyPass "/{path}" "{"tcp" if path == "bytes" else "ws"}://127.0.0.1:${{BACKEND_PORT}}" retry=0\n'
                       for path in PATHS)
    return Relay(module_httpd, sections + mappings)


class Sender:
    """Sends from a thread, until all is sent or nobody takes more."""

    def __init__(self, connection, data, patience=60):
        self.sent = 0
        self._end = None

        def send():
            connection.socket.settimeout(patience)
            try:
                for part in data:
                    connection.socket.sendall(part)
                    self.sent += len(part)
            except OSError:
                pass
        self._thread = threading.Thread(target=send, daemon=True)
        self._thread.start()

    def wait_until_stuck(self):
        """Or through."""
        before = -1
        while before != self.sent and self._thread.is_alive():
            before = self.sent
            self._thread.join(0.5)

    def join(self):
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("path", ["wait", "close", "drop"])
def test_a_huge_frame_for_a_client_that_reads_nothing_costs_no_memory(relay, path):
    with relay.session(path=f"/{path}") as (client, backend):
        client.send_frame(BINARY, b"x")
        backend.expect_frame(BINARY, b"x")
        before = relay.server.child_rss_bytes()
        sender = Sender(backend, [frame_header(BINARY, 1 << 30), *(bytes(MIB) for _ in range(200))], patience=2)
        sender.wait_until_stuck()
        assert relay.server.child_rss_bytes() - before < MAX_GROWTH_BYTES
        client.close()


def test_a_client_too_slow_for_the_queue_is_ended_inside_a_frame(relay, wait_for_log):
    with relay.session(path="/close") as (client, backend):
        sender = Sender(backend, [frame_header(BINARY, 1 << 30), *(bytes(MIB) for _ in range(20))])
        wait_for_log("the client takes data too slowly")
        assert backend.expect_close()[0] == 1001
        header = client.read_exact(10)
        assert header == frame_header(BINARY, 1 << 30)
        assert len(client.read_all()) < 20 * MIB
        sender.join()


@pytest.mark.parametrize("end", ["close", "lost inside a frame"])
@pytest.mark.parametrize("path", ["wait", "large-queue"])
def test_whole_messages_reach_a_slow_client_before_the_end(relay, path, end):
    last = close_frame(1000, mask=False) if end == "close" else frame_header(BINARY, 1000) + b"half"
    with relay.session(path=f"/{path}") as (client, backend):
        sender = Sender(backend, [*(MESSAGES * [MESSAGE]), last])
        if path == "large-queue":
            sender.join()
        else:
            sender.wait_until_stuck()
        if end != "close":
            threading.Thread(target=lambda: (sender.join(), backend.close()), daemon=True).start()
        for _ in range(MESSAGES):
            assert len(client.read_frame().payload) == 65000
        if end == "close":
            assert client.expect_close()[0] == 1000
            client.send_close(1000)
        else:
            assert client.read_all() == frame_header(BINARY, 1000) + b"half"
        sender.join()


def test_inflated_messages_count_against_the_queue(relay, wait_for_log):
    answer = {"Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover"}
    with relay.session(path="/inflated", answer=answer) as (_, backend):
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
        data = deflate.compress(bytes(MIB)) + deflate.flush(zlib.Z_SYNC_FLUSH)
        Sender(backend, 100 * [frame(BINARY, data[:-4], rsv=4, mask=False)])
        wait_for_log("the client takes data too slowly")


def test_a_byte_stream_has_no_holes(relay, wait_for_log):
    with relay.session(path="/bytes", is_websocket=False) as (client, backend):
        sent = bytes(i % 251 for i in range(1 << 16))
        Sender(backend, 300 * [sent])
        wait_for_log("the client takes data too slowly")
        received = b""
        while (got := client.read_frame()).opcode == BINARY:
            received += got.payload
        assert (sent * 300).startswith(received)
        assert got.opcode == CLOSE and got.payload[:2] == (1008).to_bytes(2, "big")


def test_a_client_that_reads_slowly_is_not_taken_for_dead(relay):
    """It gets to the pings later than WebSocketPongTimeout allows, with what it takes before."""
    with relay.session(path="/pinged") as (client, backend):
        is_over = threading.Event()

        def serve():
            """Answers pings, as backends do, while it sends; until the session's end."""
            with suppress(OSError, AssertionError):
                while not is_over.is_set():
                    got = backend.read_frame()
                    if got.opcode == PING:
                        backend.send_frame(PONG, got.payload)
        threading.Thread(target=serve, daemon=True).start()
        sender = Sender(backend, 400 * [frame(BINARY, bytes(16000), mask=False)])
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            got = client.read_frame()
            assert got.opcode != CLOSE, got.payload
            if got.opcode == PING:
                client.send_frame(PONG, got.payload)
            time.sleep(0.01)  # the slowness, not a wait
        is_over.set()
        client.close()
        sender.join()
