"""Sessions that end in every way, many at a time, leave nothing behind: no session, no descriptor, no memory, no busy thread."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from support.certificate import TRUSTED_BACKENDS, certificate, server_context
from support.descriptors import descriptors_at_rest, wait_for_descriptors
from support.frames import BINARY, TEXT, close_frame, frame
from support.memory import status_bytes
from support.raw_client import RawClient
from support.siege import SCALE
from support.status import STATUS, status_of
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend

SECONDS = float(os.environ.get("WS_SOAK_SECONDS", "2"))
CLIENTS = 8
MIB = 1 << 20
CONFIG = STATUS + TRUSTED_BACKENDS + """
KeepAlive Off
ProxyPass "/plain" "ws://127.0.0.1:${PLAIN}" retry=0
ProxyPass "/deflated" "ws://127.0.0.1:${PLAIN}" retry=0
ProxyPass "/tls" "wss://127.0.0.1:${TLS}" retry=0
ProxyPass "/nobody" "ws://127.0.0.1:9" retry=0
<Location "/deflated">
    WebSocketCompression on leg=both
</Location>
"""
PATHS = ("/echo", "/plain", "/tls", "/deflated")
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate"}
LARGE = bytes(range(256)) * 1000


def echo(client, payload=b"hello"):
    client.send_frame(BINARY, payload)
    while not client.read_frame().fin:
        pass


def close(client):
    echo(client)
    client.send_close(1000)
    assert client.expect_close()[0] == 1000


def large(client):
    echo(client, LARGE)
    close(client)


def leave(client):
    echo(client)


def leave_unread(client):
    client.send_frame(BINARY, LARGE)


def reset(client):
    echo(client)
    client.reset()


def reset_unread(client):
    client.send_frame(BINARY, LARGE)
    client.reset()


def half_a_frame(client):
    client.send(frame(TEXT, "hello")[:-1])


def half_a_message(client):
    client.send_frame(TEXT, "hello", fin=False)


def breach(client):
    client.send(b"\xff" * 14)
    client.read_frame()


def close_and_leave(client):
    client.send(close_frame(1000))


WAYS = (close, large, leave, leave_unread, reset, reset_unread, half_a_frame, half_a_message, breach, close_and_leave)


def be_refused(server):
    with RawClient("127.0.0.1", server.port) as client:
        assert client.handshake("/nobody").status == 503


def leave_in_handshake(server):
    with RawClient("127.0.0.1", server.port) as client:
        client.send(client.handshake_bytes("/plain")[:random.randrange(1, 200)])
        client.reset()


def have_session(server):
    tls = random.random() < 0.5
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        client.open(random.choice(PATHS), headers=random.choice(({}, DEFLATE)))
        random.choice(WAYS)(client)


def churn(server, seconds):
    """How many clients there have been."""
    end = time.monotonic() + seconds

    def come_and_go(_):
        count = 0
        while time.monotonic() < end:
            random.choices((have_session, be_refused, leave_in_handshake), (20, 1, 1))[0](server)
            count += 1
        return count
    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(come_and_go, range(CLIENTS)))


def sums(server):
    """(sessions, begun, ended)"""
    return tuple(sum(series[name] for series in status_of(server)["series"]) for name in ("sessions", "begun", "ended"))


def wait_for_rest(server):
    def is_over():
        sessions, begun, ended = sums(server)
        return sessions == 0 and begun == ended
    wait_until(is_over, lambda: f"(sessions, begun, ended): {sums(server)}", 30)


@pytest.fixture
def server(httpd):
    with ExitStack() as stack:
        plain = stack.enter_context(WebsocketsBackend())
        tls = stack.enter_context(WebsocketsBackend(ssl=server_context()))
        yield httpd(CONFIG, tls=True, log_level="error ws:crit proxy:crit", threads=CLIENTS + 4, defines={
            "PLAIN": plain.port, "TLS": tls.port, "CERTIFICATE": certificate().cert})


def test_sessions_that_end_in_every_way_leave_nothing(server, tell_at_the_end):
    churn(server, 1 + SECONDS / 10)  # pools grow to what is needed
    wait_for_rest(server)
    child, = server.children()
    before, memory = descriptors_at_rest(child), status_bytes(child, "VmRSS")
    count = churn(server, SECONDS)
    wait_for_rest(server)
    wait_for_descriptors(child, before)
    assert server.children() == [child]
    growth = status_bytes(child, "VmRSS") - memory
    tell_at_the_end("clients that come and go", [
        f"{count} in {SECONDS:g} s; the child has grown by {growth >> 10} KB since the first ones"])
    assert growth < SCALE * 8 * MIB
