"""Pings, timeouts and limits of time, whatever httpd's own timeouts are."""

import threading
import time

import pytest

from support.frames import CLOSE, PING, PONG, TEXT
from support.relay import Relay

# httpd's and mod_proxy's timeouts are shorter than what the sessions live.
CONFIG = """
Timeout 1
ProxyTimeout 1
RequestReadTimeout header=1 body=1
WebSocketPingInterval off
<Location "/pinged">
    WebSocketPingInterval 100ms
    WebSocketPongTimeout 300ms
</Location>
<Location "/idle">
    WebSocketIdleTimeout 400ms
</Location>
<Location "/old">
    WebSocketMaxLifetime 400ms
</Location>
<LocationMatch "^/(pinged|idle|old|quiet)/echo">
    WebSocketHandler echo
</LocationMatch>
ProxyPass "/pinged/relay" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/idle/relay" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/old/relay" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/quiet/relay" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/slow" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/slow-tls" "wss://127.0.0.1:${BACKEND_PORT}"
<LocationMatch "^/slow">
    WebSocketHandshakeTimeout 700ms
</LocationMatch>
"""
QUIET_SECONDS = 2.5


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("reqtimeout",))


@pytest.fixture(params=["echo", "relay"])
def target(request, relay):
    """The last part of the path; where that is a relay, its backend runs."""
    if request.param == "echo":
        yield "echo"
        return
    with relay.websockets_backend():
        yield "relay"


def answer_pings_until(client, opcode):
    """The next frame of this kind; every ping before it is answered."""
    while (frame := client.read_frame()).opcode != opcode:
        assert frame.opcode == PING
        client.send_frame(PONG, frame.payload)
    return frame


def test_a_silent_session_outlives_httpds_timeouts(relay, tls, target):
    with relay.client(tls) as client:
        client.open(f"/quiet/{target}")
        time.sleep(QUIET_SECONDS)  # the promise is about time that passes
        client.send_frame(TEXT, "still there")
        client.expect_frame(TEXT, "still there")


def test_a_silent_session_stays_while_pings_are_answered(relay, target):
    with relay.client() as client:
        client.open(f"/pinged/{target}")
        for _ in range(10):
            frame = client.read_frame()
            assert frame.opcode == PING
            client.send_frame(PONG, frame.payload)
        client.send_frame(TEXT, "still there")
        assert answer_pings_until(client, TEXT).payload == b"still there"


def test_a_client_that_answers_no_ping_is_given_up(relay, target, wait_for_log):
    with relay.client() as client:
        client.open(f"/pinged/{target}")
        assert client.read_frame().opcode == PING
        client.read_eof()
        wait_for_log("no answer to a ping in time")


def test_a_backend_that_answers_no_ping_is_given_up(relay, wait_for_log):
    held = threading.Event()

    def script(connection):
        connection.accept_websocket()
        assert held.wait(30)
    with relay.scripted_backend(script), relay.client() as client:
        client.open("/pinged/relay")
        assert answer_pings_until(client, 0x8).payload[:2] == (1014).to_bytes(2, "big")
        held.set()
        wait_for_log(f"{relay.worker()} was lost: no answer to a ping in time")


def test_pings_of_the_peers_go_through_and_ours_stay(relay):
    pongs = []

    def script(connection):
        connection.accept_websocket()
        while (frame := connection.read_frame()).opcode != TEXT:
            if frame.opcode == PING:
                connection.send_frame(PONG, frame.payload)
            else:
                pongs.append(frame.payload)
        connection.send_frame(TEXT, "end")
    with relay.scripted_backend(script), relay.client() as client:
        client.open("/pinged/relay")
        client.send_frame(PING, b"mine")
        frame = answer_pings_until(client, PONG)
        assert frame.payload == b"mine"
        for _ in range(3):  # more of ours
            frame = client.read_frame()
            assert frame.opcode == PING
            client.send_frame(PONG, frame.payload)
        client.send_frame(TEXT, "enough")
        answer_pings_until(client, TEXT)
    assert pongs == []


@pytest.mark.parametrize("path, reason", [("idle", "idle for too long"),
                                          ("old", "the session's lifetime is over")])
def test_a_session_ends_with_1001_when_its_time_is_over(relay, target, path, reason):
    with relay.client() as client:
        client.open(f"/{path}/{target}")
        assert client.expect_close() == (1001, reason)
        client.send_close(1001)
        client.read_eof()


def test_messages_keep_a_session_from_being_idle(relay, target):
    with relay.client() as client:
        client.open(f"/idle/{target}")
        end = time.monotonic() + 1.2  # three times the idle timeout
        while time.monotonic() < end:
            client.send_frame(TEXT, "on")
            client.expect_frame(TEXT, "on")
            time.sleep(0.05)
        assert client.expect_close()[0] == 1001


def test_relayed_pings_do_not_count_against_idleness(relay):
    with relay.session(path="/idle/relay") as (client, backend):
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            client.send_frame(PING, "ping")
            received = backend.read_frame()
            if received.opcode == CLOSE:
                break
            assert received.opcode == PING
        else:
            pytest.fail("no end in 5 s with an idle timeout of 400 ms")


def test_tls_to_the_backend_is_part_of_its_handshakes_time(relay):
    with relay.scripted_backend(lambda connection: connection.read_all()), relay.client() as client:
        begin = time.monotonic()
        assert client.handshake("/slow-tls").status == 504
        assert 0.6 < time.monotonic() - begin < 5


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "byte-by-byte"])
def test_a_backends_handshake_has_a_time_of_its_own(relay, drips):
    held = threading.Event()

    def script(connection):
        connection.read_head()
        answer = b"HTTP/1.1 101 Switching Protocols\r\nX-Long: " + b"x" * 1000
        for byte in answer if drips else b"":
            if held.wait(0.02):
                return
            connection.send(bytes([byte]))
        assert held.wait(30)
    with relay.scripted_backend(script), relay.client() as client:
        begin = time.monotonic()
        assert client.handshake("/slow").status == 504
        assert 0.6 < time.monotonic() - begin < 5
        held.set()
