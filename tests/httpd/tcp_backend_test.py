"""ProxyPass to tcp://: messages to a byte stream and back."""

import base64
import threading

import pytest

from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT
from support.raw_client import RawClient
from support.redis import Redis, command
from support.relay import Relay
from support.scripted_backend import ScriptedBackend

CONFIG = """
ProxyPass "/tcp" "tcp://127.0.0.1:${BACKEND_PORT}" retry=0
ProxyPass "/slow-end" "tcp://127.0.0.1:${BACKEND_PORT}" retry=0
ProxyPass "/deflate" "tcp://127.0.0.1:${BACKEND_PORT}" retry=0
<Location "/slow-end">
    WebSocketCloseTimeout 500ms
</Location>
<Location "/mqtt">
    WebSocketSubprotocol mqtt binary
</Location>
<Location "/small">
    WebSocketMaxMessageSize 4K
</Location>
ProxyPass "/mqtt" "tcp://127.0.0.1:${BACKEND_PORT}" retry=0
ProxyPass "/small" "tcp://127.0.0.1:${BACKEND_PORT}" retry=0
ProxyPass "/portless" "tcp://127.0.0.1" retry=0
<Location "/deflate">
    WebSocketCompression on
</Location>
"""
VALUE = bytes(i % 256 for i in range(100_000))
MAX_MESSAGE_BYTES = 72 << 10  # WebSocketReadBufferSize


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG)


def open_stream(client, path="/tcp", subprotocol="binary"):
    headers = {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}
    return client.open(path, headers=headers)


def read_stream(client, size, opcode=BINARY):
    """So many bytes of the byte stream, and the sizes of the messages they came in."""
    data, sizes = b"", []
    while len(data) < size:
        fin, rsv, got, payload = client.read_frame()
        assert (fin, rsv, got) == (True, 0, opcode)
        part = payload if opcode == BINARY else base64.b64decode(payload, validate=True)
        data += part
        sizes.append(len(part))
    return data, sizes


def echo_bytes(connection):
    while data := connection.socket.recv(1 << 16):
        connection.send(data)


def test_relay_tcp_conf_relays_a_byte_stream(recipe):
    site = recipe("relay-tcp.conf")
    with ScriptedBackend(echo_bytes, port=site.ports[0]), site.client() as client:
        open_stream(client, "/vnc")
        client.send_frame(BINARY, b"RFB 003.008\n")
        assert read_stream(client, 12)[0] == b"RFB 003.008\n"


# With a server that speaks a protocol of its own


@pytest.fixture(params=["tcp", "unix"])
def redis_server(request, httpd, open_directory):
    socket = str(open_directory / "redis.sock")
    with Redis(socket) as redis:
        backend = f"tcp://127.0.0.1:{redis.port}"
        if request.param == "unix":
            backend = f"unix:{socket}|tcp://localhost"
        yield httpd(f'ProxyPass "/redis" "{backend}"', tls=True)


def test_talks_to_redis(redis_server, tls):
    with RawClient("127.0.0.1", redis_server.port_of(tls), tls) as client:
        open_stream(client, "/redis")
        client.send_frame(BINARY, command("SET", "key", VALUE))
        assert read_stream(client, 5)[0] == b"+OK\r\n"
        client.send_frame(BINARY, command("GET", "key"))
        answer = b"$%d\r\n%s\r\n" % (len(VALUE), VALUE)
        assert read_stream(client, len(answer))[0] == answer
        client.send_frame(BINARY, command("QUIT"))
        assert read_stream(client, 5)[0] == b"+OK\r\n"
        assert client.expect_close()[0] == 1000
        client.send_close(1000)
        client.read_eof()


# The two directions


def test_joins_what_messages_and_fragments_say(relay):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        open_stream(client)
        client.send_frame(BINARY, b"one, ")
        client.send_frame(BINARY, b"tw", fin=False)
        client.send_frame(PING, b"between")
        client.send_frame(CONTINUATION, b"o, ")
        client.send_frame(TEXT, "three")
        client.send_frame(BINARY, b"")
        frames = [client.read_frame()]
        while sum(len(frame.payload) for frame in frames) < len(b"one, two, three" + b"between"):
            frames.append(client.read_frame())
        assert [frame.payload for frame in frames if frame.opcode == PONG] == [b"between"]
        assert b"".join(frame.payload for frame in frames if frame.opcode == BINARY) == b"one, two, three"


def test_messages_from_the_stream_have_a_bounded_size(relay):
    with relay.scripted_backend(lambda connection: connection.send(VALUE * 20)), \
            relay.client() as client:
        open_stream(client)
        data, sizes = read_stream(client, 20 * len(VALUE))
        assert data == VALUE * 20
        assert max(sizes) <= MAX_MESSAGE_BYTES


def test_streams_both_ways_at_once(relay, tls):
    """From one thread: with TLS, Python's sockets cannot be used by two at a time."""
    ahead = 5  # messages, which fit into the buffers on the way
    with relay.scripted_backend(echo_bytes), relay.client(tls) as client:
        open_stream(client)
        received = b""
        for number in range(100 + ahead):
            if number < 100:
                client.send_frame(BINARY, VALUE)
            if number >= ahead:
                received += read_stream(client, (number - ahead + 1) * len(VALUE) - len(received))[0]
        assert received == VALUE * 100


def test_base64_is_text_both_ways(relay):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        assert open_stream(client, subprotocol="base64").headers["Sec-WebSocket-Protocol"] == "base64"
        text = base64.b64encode(VALUE)
        client.send_frame(TEXT, text[:1001], fin=False)
        client.send_frame(CONTINUATION, text[1001:])
        assert read_stream(client, len(VALUE), TEXT)[0] == VALUE


@pytest.mark.parametrize("text", ["%%%%", "Zg", "Zg=", "=Zg="])
def test_what_is_no_base64_gets_1007(relay, text):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        open_stream(client, subprotocol="base64")
        client.send_frame(TEXT, text)
        assert client.expect_close()[0] == 1007


@pytest.mark.parametrize("origin, status", [("https://evil.example", 403), (None, 101)])
def test_no_other_sites_page_reaches_a_stream(relay, origin, status):
    """A backend of bytes cannot look at the Origin itself."""
    headers = {"Sec-WebSocket-Protocol": "binary"} | ({"Origin": origin} if origin else {})
    with relay.scripted_backend(lambda connection: None), relay.client() as client:
        assert client.handshake("/tcp", headers).status == status


@pytest.mark.parametrize("offered, chosen", [
    ("binary, base64", "binary"), ("base64, binary", "binary"), ("chat, base64", "base64"),
    ("chat", None), (None, None)])
def test_chooses_the_subprotocol(relay, offered, chosen):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        response = open_stream(client, subprotocol=offered)
        assert response.headers.get("Sec-WebSocket-Protocol") == chosen


def test_compresses_for_the_client_where_it_is_told_to(relay):
    with relay.scripted_backend(lambda connection: connection.send(bytes(10_000))), \
            relay.client() as client:
        client.open("/deflate", headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
        _, rsv, opcode, payload = client.read_frame()
        assert (rsv, opcode) == (4, BINARY)
        assert len(payload) < 1000


# How it ends


def test_the_clients_close_ends_the_stream_when_all_has_been_sent(relay):
    received = []

    def script(connection):
        received.append(connection.read_all())
    with relay.scripted_backend(script), relay.client() as client:
        open_stream(client)
        client.send_frame(BINARY, VALUE)
        client.send_close(1000)
        assert client.expect_close()[0] == 1000
        client.read_eof()
    assert received == [VALUE]


def test_the_end_of_the_stream_is_a_close_after_its_last_bytes(relay):
    """And what the client still sends reaches the backend, which has ended its own side only."""
    received = []

    def script(connection):
        connection.send(b"last words")
        connection.shutdown_write()
        received.append(connection.read_all())
    with relay.scripted_backend(script), relay.client() as client:
        open_stream(client)
        assert read_stream(client, 10)[0] == b"last words"
        assert client.expect_close()[0] == 1000
        client.send_frame(BINARY, b"still under way")
        client.send_close(1000)
        client.read_eof()
    assert received == [b"still under way"]


def test_a_lost_stream_is_1014(relay):
    with relay.scripted_backend(lambda connection: (connection.read_exact(1), connection.reset())), \
            relay.client() as client:
        open_stream(client)
        client.send_frame(BINARY, b"x")
        assert client.expect_close()[0] == 1014


def test_a_lost_client_ends_the_stream(relay):
    with relay.scripted_backend(lambda connection: connection.read_eof()):
        with relay.client() as client:
            open_stream(client)
            client.reset()


def test_a_stream_that_does_not_end_is_left_after_the_close_timeout(relay):
    held = threading.Event()
    with relay.scripted_backend(lambda connection: held.wait(30)), relay.client() as client:
        open_stream(client, "/slow-end")
        client.send_close(1000)
        assert client.expect_close()[0] == 1000
        client.read_eof()
        relay.server.wait_for_log("did not end its stream")
        held.set()


def test_a_backend_that_is_not_there_gives_503(relay):
    with relay.client() as client:
        assert client.handshake("/tcp").status == 503


def test_an_ordinary_request_gets_no_stream(relay):
    with relay.client() as client:
        assert client.get("/tcp").status == 404


def test_the_backends_messages_are_no_larger_than_the_limit(relay):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        open_stream(client, "/small")
        for start in range(0, 20000, 4000):
            client.send_frame(BINARY, VALUE[start:start + 4000])
        data, sizes = read_stream(client, 20000)
        assert data == VALUE[:20000]
        assert max(sizes) <= 4096


@pytest.mark.parametrize("offered, agreed", [("mqtt", "mqtt"), ("binary, mqtt", "mqtt"), ("base64", None)])
def test_subprotocols_of_the_backend_are_configured(relay, offered, agreed):
    with relay.scripted_backend(echo_bytes), relay.client() as client:
        assert open_stream(client, "/mqtt", offered).headers.get("Sec-WebSocket-Protocol") == agreed
        client.send_frame(BINARY, b"CONNECT")
        client.expect_frame(BINARY, b"CONNECT")


def test_a_backend_without_a_port_is_named(relay, wait_for_log):
    with relay.client() as client:
        assert client.handshake("/portless").status == 500
    wait_for_log("ws:error.*backend tcp://127.0.0.1: its URL needs a port")
