"""What a relay does with messages where it is told to: limits of each side, checks, compression, rates, slow sides."""

import threading
import time
import zlib

import pytest

from support.frames import (BINARY, CLOSE, CONTINUATION, DEFAULT_MASK, PING, TEXT, frame, frame_header,
                            masked)
from support.relay import Relay
from support.ws_client import exchange

CONFIG = """
<Location "/limits">
    WebSocketMaxMessageSize 1000 client
    WebSocketMaxMessageSize 2000 backend
    WebSocketMaxFragments 3
</Location>
<Location "/checked">
    WebSocketValidate messages
    WebSocketMaxMessageSize 100000
</Location>
<Location "/deflate-client">
    WebSocketCompression on min-size=10
</Location>
<Location "/deflate-backend">
    WebSocketCompression on min-size=10 leg=backend
</Location>
<Location "/deflate-both">
    WebSocketCompression on min-size=10 leg=both
</Location>
<Location "/no-deflate">
    WebSocketCompression off
</Location>
<Location "/slow">
    WebSocketRateLimit messages=20/s burst=100ms
</Location>
<Location "/strict">
    WebSocketRateLimit bytes=1K/s burst=1s close
</Location>
<Location "/slow-bytes">
    WebSocketRateLimit bytes=10000/s burst=100ms
</Location>
<Location "/queue-close">
    WebSocketSendQueue 64K
</Location>
<Location "/queue-drop">
    WebSocketSendQueue 64K drop
</Location>
"""
PATHS = ("limits", "checked", "deflate-client", "deflate-backend", "deflate-both", "no-deflate", "slow",
         "strict", "slow-bytes", "queue-close", "queue-drop", "stream")
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
MIB, GIB = 1 << 20, 1 << 30
MAX_GROWTH_BYTES = 8 << 20
BLOCK = bytes(i % 251 for i in range(MIB))


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    rules = "\n".join(f'ProxyPass "/{path}" "ws://127.0.0.1:${{BACKEND_PORT}}" retry=0' for path in PATHS)
    return Relay(module_httpd, CONFIG + rules)


class Ends:
    """The raw ends of a session: what each test does with the backend runs in its thread."""

    def __init__(self, relay, path, headers=None, answer=None):
        self._over = threading.Event()
        self._ready = threading.Event()

        def script(connection):
            self.asked = connection.accept_websocket(answer)
            self.backend = connection
            self._ready.set()
            assert self._over.wait(120)
        self._scripted = relay.scripted_backend(script)
        self._client = relay.client()
        self._open = (f"/{path}", headers)

    def __enter__(self):
        self._scripted.__enter__()
        self.client = self._client.__enter__()
        path, headers = self._open
        self.response = self.client.open(path, headers=headers or {})
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._client.__exit__(*exception)
        self._scripted.__exit__(*exception)


def close_code(stream):
    """Of the Close frame that comes sooner or later."""
    while (received := stream.read_frame()).opcode != CLOSE:
        pass
    return int.from_bytes(received.payload[:2], "big")


# Limits of each side


@pytest.mark.parametrize("from_client, size, passes", [
    (True, 1000, True), (True, 1001, False), (False, 2000, True), (False, 2001, False)])
def test_each_side_has_its_message_limit(relay, from_client, size, passes):
    with Ends(relay, "limits") as ends:
        sender, receiver = ((ends.client, ends.backend) if from_client else (ends.backend, ends.client))
        sender.send_frame(BINARY, bytes(size - 10), fin=False)
        sender.send_frame(CONTINUATION, bytes(10))
        if passes:
            assert sum(len(receiver.read_frame().payload) for _ in range(2)) == size
            return
        assert close_code(sender) == 1009
        assert close_code(receiver) == 1001


def test_a_message_in_too_many_fragments_gets_1009(relay):
    with Ends(relay, "limits") as ends:
        for opcode in (TEXT, CONTINUATION, CONTINUATION, CONTINUATION):
            ends.client.send_frame(opcode, "x", fin=False)
        assert close_code(ends.client) == 1009
        assert close_code(ends.backend) == 1001


# Checks


@pytest.mark.parametrize("message, code", [
    (frame(TEXT, b"caf\xc3\x28", mask=True), 1007),
    (frame(BINARY, bytes(100_001), mask=True), 1009),
    (frame(TEXT, b"\xed", fin=False, mask=True) + frame(CONTINUATION, b"\xa0\x80", mask=True), 1007),
], ids=["utf8", "size", "surrogate-in-fragments"])
def test_what_is_wrong_with_a_message_ends_the_session(relay, message, code):
    with Ends(relay, "checked") as ends:
        ends.client.send(message)
        assert close_code(ends.client) == code
        assert close_code(ends.backend) == 1001


def test_compressed_messages_are_checked_as_inflated(relay):
    answer = {"Sec-WebSocket-Extensions": "permessage-deflate"}
    with Ends(relay, "checked", DEFLATE, answer) as ends:
        assert ends.asked.headers["Sec-WebSocket-Extensions"] == DEFLATE["Sec-WebSocket-Extensions"]
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        for size, fits in ((100_000, True), (100_001, False)):
            payload = (deflater.compress(bytes(size)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
            ends.client.send_frame(BINARY, payload, rsv=4)
            if fits:
                assert ends.backend.read_frame() == (True, 4, BINARY, payload)
        assert close_code(ends.client) == 1009


def test_only_what_can_be_checked_is_offered(relay):
    offer = {"Sec-WebSocket-Extensions": "x-other; a=1, permessage-deflate; server_max_window_bits=10, x-more"}
    with Ends(relay, "checked", offer) as ends:
        assert ends.asked.headers["Sec-WebSocket-Extensions"] == \
            "permessage-deflate; server_max_window_bits=10"


# Compression of each side


@pytest.mark.parametrize("path, asks, answers", [
    ("deflate-client", None, True), ("deflate-backend", True, False), ("deflate-both", True, True),
    ("no-deflate", None, False)])
def test_a_relay_offers_and_answers_compression_as_it_is_told(relay, path, asks, answers):
    with Ends(relay, path, DEFLATE) as ends:
        assert ("Sec-WebSocket-Extensions" in ends.asked.headers) == bool(asks)
        assert ("Sec-WebSocket-Extensions" in ends.response.headers) == answers


@pytest.mark.parametrize("path", ["deflate-client", "deflate-backend", "deflate-both", "no-deflate"])
@pytest.mark.parametrize("client", ["deflate", None])
def test_messages_arrive_whatever_each_side_compresses(relay, path, client):
    messages = [size * "compressible " for size in (0, 1, 5, 500, 50_000)] + [BLOCK, b""]
    with relay.websockets_backend(compression="deflate"):
        assert exchange(relay.server.url(f"/{path}"), messages, compression=client) == messages


def test_a_backend_that_answers_no_offer_of_ours_gives_502(relay):
    answer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits=20"}
    with relay.scripted_backend(lambda connection: connection.accept_websocket(answer)), \
            relay.client() as client:
        assert client.handshake("/deflate-backend").status == 502
    relay.server.wait_for_log("does not fit the offer")


# Rates


def test_a_client_beyond_the_rate_is_delayed(relay):
    with relay.websockets_backend():
        begin = time.monotonic()
        messages = [str(i) for i in range(20)]
        with relay.client() as client:
            client.open("/slow")
            client.send(b"".join(frame(TEXT, message, mask=True) for message in messages))
            for message in messages:
                client.expect_frame(TEXT, message)
        assert time.monotonic() - begin > 0.8  # 20 a second, of which a tenth may come at once


def test_a_client_beyond_the_rate_gets_1008_where_that_is_asked_for(relay):
    with Ends(relay, "strict") as ends:
        ends.client.send_frame(BINARY, bytes(2000))
        ends.client.send_frame(TEXT, "unseen")
        assert close_code(ends.client) == 1008
        assert close_code(ends.backend) == 1001


# Slow sides


def test_no_more_bytes_than_the_burst_pass_at_once(relay):
    with Ends(relay, "slow-bytes") as ends:
        threading.Thread(target=lambda: ends.client.send_frame(BINARY, bytes(10_000)), daemon=True).start()
        begin = time.monotonic()
        ends.backend.read_frame()
        assert 0.8 < time.monotonic() - begin < 5  # 10,000 bytes at 10,000 a second, 1,000 at once


def test_the_other_side_of_half_a_bad_message_just_ends(relay):
    with Ends(relay, "checked") as ends:
        bad = frame(TEXT, b"a" * 5000 + b"\xff" + b"a" * 5000, mask=DEFAULT_MASK)
        ends.client.send(bad[:4000])
        half = ends.backend.read_exact(4000)
        ends.client.send(bad[4000:])
        assert close_code(ends.client) == 1007
        assert half == bad[:4000]
        assert ends.backend.read_all() == b""


def test_a_client_too_slow_for_the_queue_gets_1008(relay):
    with Ends(relay, "queue-close") as ends:
        sender = threading.Thread(target=flood, args=(ends.backend, 400))
        sender.start()
        relay.server.wait_for_log("takes data too slowly", timeout=20)
        assert close_code(ends.client) == 1008
        sender.join()
        assert close_code(ends.backend) == 1001


def test_messages_are_left_out_for_a_slow_client(relay):
    with Ends(relay, "queue-drop") as ends:
        flood(ends.backend, 400)
        ends.backend.send_frame(PING, b"end")
        numbers = []
        while (received := ends.client.read_frame()).opcode != PING:
            numbers.append(int.from_bytes(received.payload[:4], "big"))
            assert len(received.payload) == 65_000
        assert numbers == sorted(set(numbers))
        assert 0 < len(numbers) < 400


def flood(stream, count):
    for number in range(count):
        stream.send_frame(BINARY, number.to_bytes(4, "big") + bytes(64_996))


# Messages of any size


@pytest.mark.parametrize("from_client", [True, False], ids=["from-client", "from-backend"])
def test_a_message_of_1_gib_to_a_slow_reader_takes_constant_memory(relay, from_client):
    with Ends(relay, "stream") as ends:
        sender, receiver = ((ends.client, ends.backend) if from_client else (ends.backend, ends.client))
        key = DEFAULT_MASK if from_client else None
        block = masked(BLOCK, key) if key else BLOCK
        before = relay.server.child_rss_bytes()
        header = frame_header(BINARY, GIB, key=key)

        def send():
            sender.send(header)
            for _ in range(GIB // MIB):
                sender.send(block)
        thread = threading.Thread(target=send)
        thread.start()
        assert receiver.read_exact(len(header)) == header
        peak = 0
        for number in range(GIB // MIB):
            if number < 20:
                time.sleep(0.02)  # a reader that is slower than the sender, for a while
            assert receiver.read_exact(MIB) == block
            peak = max(peak, relay.server.child_rss_bytes())
        thread.join()
        assert peak - before < MAX_GROWTH_BYTES
