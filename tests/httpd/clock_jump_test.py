"""The time of day jumps while httpd runs: nothing that mod_ws waits for comes sooner or later."""

import struct
import time

import pytest

from support.faults import trickle
from support.frames import PING, PONG, TEXT
from support.httpd_config import ws_modules
from support.relay import Relay
from support.status import status_of
from support.waiting import wait_until

CONFIG = """
ProxyPass "/hasty" "ws://localhost:${BACKEND_PORT}" retry=0
<Location "/hasty">
    WebSocketHandshakeTimeout 1s
</Location>
<Location "/plain">
    WebSocketHandshakeTimeout 1min
    WebSocketPingInterval 200ms
    WebSocketIdleTimeout 1h
    WebSocketMaxLifetime 1h
</Location>
<Location "/ws-status">
    SetHandler websocket-status
</Location>
WebSocketLog sessions.log "%{duration}W"
KeepAlive Off
"""
DAY_SECONDS = 24 * 3600
JUMPS = {"forward": DAY_SECONDS, "back": -DAY_SECONDS}
MOST_SECONDS = 3600  # of what takes a moment


class Clock:
    def __init__(self, directory):
        self._file = directory / "jump"
        self.jump(0)
        self._file.chmod(0o644)

    def jump(self, seconds):
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))

    @property
    def environment(self):
        return {"preload": str(ws_modules() / "clock_jump.so"), "variables": {"WS_CLOCK_JUMP": str(self._file)}}


@pytest.fixture
def clock(open_directory):
    return Clock(open_directory)


@pytest.fixture
def relay(httpd, clock):
    return Relay(httpd, CONFIG, environment=clock.environment)


@pytest.fixture(params=JUMPS.values(), ids=JUMPS)
def jump(relay, clock, request):
    """jump() lets the server's time of day jump, and checks that it has."""
    def act():
        expected = time.time() + request.param
        clock.jump(request.param)
        wait_until(lambda: abs(status_of(relay.server)["now"] - expected) < MOST_SECONDS, "it is another day")
    return act


def expect_ping(client):
    received = client.read_frame()
    assert received.opcode == PING
    client.send_frame(PONG, received.payload)


def test_sessions_go_on_and_are_pinged_as_before(relay, jump):
    with relay.session() as (client, backend):
        expect_ping(client)
        jump()
        for _ in range(3):
            expect_ping(client)
        client.send_frame(TEXT, "hello")
        while (got := backend.read_frame()).opcode == PING:
            backend.send_frame(PONG, got.payload)
        assert got.payload == b"hello"
        client.close()
    log = relay.server.config.root / "sessions.log"
    wait_until(log.read_text, "a line for the session")
    assert 0 <= float(log.read_text()) < MOST_SECONDS


def test_a_backends_handshake_has_the_time_that_it_had(relay, jump):
    def script(connection):
        head = connection.read_head()
        jump()
        trickle(connection, connection.answer_bytes(head))
        connection.expect_frame(TEXT, "hello")
    with relay.scripted_backend(script), relay.client() as client:
        client.open("/plain")
        client.send_frame(TEXT, "hello")


def test_a_silent_backend_has_no_more_time_than_it_had(relay, jump):
    def script(connection):
        connection.read_head()
        jump()
        connection.read_eof()
    with relay.scripted_backend(script), relay.client() as client:
        assert client.handshake("/hasty").status == 504


def test_no_handshake_is_counted_as_longer_than_from_then_to_now(relay, jump):
    def script(connection):
        head = connection.read_head()
        jump()
        connection.accept(head)
    with relay.scripted_backend(script), relay.client() as client:
        client.open("/plain")
        told, = wait_until(lambda: relayed_series(relay), "the handshake is counted")
    assert 0 <= told["upgrade_seconds"] <= DAY_SECONDS + MOST_SECONDS


def relayed_series(relay):
    return [each for each in status_of(relay.server)["series"] if each["upgrades"].get("101")]
