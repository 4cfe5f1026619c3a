"""Sessions are taken over from httpd, under every MPM, and leave nothing behind in it."""

import re
from contextlib import ExitStack

import pytest

from support.frames import TEXT, accept_key, frame
from support.raw_client import KEY, RawClient
from support.relay import Relay
from support.waiting import patience, wait_until
from support.ws_client import exchange

MESSAGES = ["text", b"binary", bytes(200000)]
MANY_SESSIONS = 300
STOP_SECONDS = 10
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


@pytest.fixture(params=["event", "worker"])
def threaded_mpm(request):
    return request.param


@pytest.fixture(params=["/echo", "/plain"], ids=["handler", "relay"])
def path(request):
    return request.param


def open_session(server, path, stack, tls=False):
    client = stack.enter_context(RawClient("127.0.0.1", server.port_of(tls), tls))
    client.open(path)
    return client


def expect_echo(client, text):
    client.send_frame(TEXT, text)
    client.expect_frame(TEXT, text)


def descriptors(server):
    child, = server.children()
    return server.open_fds(child)


def wait_for_descriptors(server, count):
    """Waits until the only child has so few again."""
    wait_until(lambda: len(descriptors(server)) <= count,
               lambda: f"{count} descriptors, there are {descriptors(server)}")


# MPMs


def test_relays_under_every_mpm(httpd, mpm, legs):
    relay = Relay(httpd, mpm=mpm)
    with relay.websockets_backend(tls=legs[1]):
        for _ in range(3):
            assert exchange(relay.url(*legs), MESSAGES) == MESSAGES


def test_prefork_children_serve_others_beside_their_sessions(httpd, path):
    relay = Relay(httpd, ECHO, mpm="prefork", threads=2)
    relay.server.publish("page", "a page")
    with relay.websockets_backend(), ExitStack() as stack:
        sessions = [open_session(relay.server, path, stack) for _ in range(20)]
        with relay.client() as visitor:
            assert visitor.get("/page").body == b"a page"
        for session in sessions:
            expect_echo(session, "hello")


def test_answers_gets_beside_300_relayed_sessions(httpd, threaded_mpm):
    relay = Relay(httpd, mpm=threaded_mpm, threads=25)
    server = relay.server
    server.publish("page", "a page")
    with relay.websockets_backend():
        assert exchange(relay.url(), ["first"]) == ["first"]
        before = len(descriptors(server))
        with ExitStack() as stack:
            sessions = [open_session(server, "/plain", stack) for _ in range(MANY_SESSIONS)]
            for _ in range(50):
                with relay.client() as visitor:
                    visitor.timeout = patience(1)
                    assert visitor.get("/page").body == b"a page"
            for number, session in enumerate(sessions):
                expect_echo(session, f"session {number}")
        wait_for_descriptors(server, before)


def test_sessions_keep_no_worker_busy(httpd, threaded_mpm, path):
    relay = Relay(httpd, ECHO + """
        ExtendedStatus on
        <Location "/status">
            SetHandler server-status
        </Location>""", mpm=threaded_mpm, modules=("status",))

    def busy_workers():
        with relay.client() as visitor:
            status = visitor.get("/status?auto").body.decode()
        return int(re.search("^BusyWorkers: ([0-9]+)$", status, re.MULTILINE)[1])

    with relay.websockets_backend(), ExitStack() as stack:
        sessions = [open_session(relay.server, path, stack) for _ in range(20)]
        wait_until(lambda: busy_workers() == 1, lambda: f"only one of {busy_workers()} is busy")
        for session in sessions:
            expect_echo(session, "hello")


# Peers that vanish


def vanish(stream, how):
    getattr(stream, how)()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("legs", [(False, False), (True, True)], ids=["plain", "tls"])
def test_survives_clients_that_vanish_at_every_byte(httpd, threaded_mpm, legs, how):
    tls, backend_tls = legs
    relay = Relay(httpd, mpm=threaded_mpm)
    sent = frame(TEXT, "hello")
    with relay.websockets_backend(tls=backend_tls):
        exchange(relay.url(*legs), ["hello"])
        before = len(descriptors(relay.server))
        with relay.client(tls) as client:
            handshake = client.handshake_bytes(relay.path(backend_tls)) + sent
        for size in range(len(handshake) + 1):
            with relay.client(tls) as client:
                client.send(handshake[:size])
                vanish(client, how)
        for size in range(len(sent) + 1):
            with relay.client(tls) as client:
                client.open(relay.path(backend_tls))
                client.send(sent[:size])
                vanish(client, how)
        wait_for_descriptors(relay.server, before)
        assert exchange(relay.url(*legs), ["hello"]) == ["hello"]


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("legs", [(False, False), (True, True)], ids=["plain", "tls"])
def test_survives_backends_that_vanish_at_every_byte(httpd, threaded_mpm, legs, how):
    tls, backend_tls = legs
    relay = Relay(httpd, mpm=threaded_mpm)
    answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n\r\n").encode() + frame(
        TEXT, "hello", mask=False)
    with relay.websockets_backend(tls=backend_tls):
        exchange(relay.url(*legs), ["hello"])
        before = len(descriptors(relay.server))

    def script(connection):
        connection.read_head()
        connection.send(answer[:next(sizes)])
        vanish(connection, how)
    sizes = iter(range(len(answer) + 1))
    with relay.scripted_backend(script, backend_tls):
        for _ in range(len(answer) + 1):
            with relay.client(tls) as client:
                assert client.handshake(relay.path(backend_tls)).status in (101, 502)
    wait_for_descriptors(relay.server, before)
    with relay.websockets_backend(tls=backend_tls):
        assert exchange(relay.url(*legs), ["hello"]) == ["hello"]


# The end of httpd


@pytest.mark.parametrize("clients_tls", [False, True], ids=["plain", "tls"])
def test_a_stop_closes_sessions_with_1001(httpd, mpm, path, clients_tls):
    relay = Relay(httpd, ECHO, mpm=mpm)
    with relay.websockets_backend() as backend, ExitStack() as stack:
        sessions = [open_session(relay.server, path, stack, clients_tls) for _ in range(5)]
        for session in sessions:
            expect_echo(session, "hello")
        relay.server.process.terminate()
        for session in sessions:
            assert session.expect_close()[0] == 1001
            session.send_close(1001)
            session.read_eof()
            session.close()
        relay.server.process.wait(patience(STOP_SECONDS))
        if path == "/plain":
            assert backend.wait_until_closed(5) == 5 * [1001]


def test_a_stop_does_not_wait_for_silent_peers(httpd, mpm):
    relay = Relay(httpd, mpm=mpm)
    with relay.session() as (client, backend):
        # A prefork child stops where it is: what it has not handed over by then just ends.
        client.send_frame(TEXT, b"hello")
        backend.expect_frame(TEXT, b"hello")
        relay.server.process.terminate()
        assert client.expect_close()[0] == 1001
        assert backend.expect_close()[0] == 1001
        relay.server.process.wait(patience(STOP_SECONDS))
        client.read_eof()


# Beside HTTP/2


def test_takes_http_1_1_clients_of_an_http_2_server(httpd, path):
    relay = Relay(httpd, ECHO + "Protocols h2 http/1.1", modules=("http2",))
    with relay.websockets_backend():
        assert exchange(relay.server.url(path, tls=True), MESSAGES) == MESSAGES


# Peers that are faster than the takeover


@pytest.mark.parametrize("backend_tls", [False, True], ids=["plain", "tls"])
def test_a_backend_that_sends_at_once_and_fast(httpd, backend_tls):
    """What comes while httpd still has the connection neither delays the session nor is held whole."""
    relay = Relay(httpd)
    payload = bytes(1 << 20)

    def flood(connection):
        connection.accept_websocket()
        for _ in range(32):
            connection.send_frame(2, payload)

    for _ in range(5):
        with relay.scripted_backend(flood, tls=backend_tls), relay.client() as client:
            assert client.handshake(relay.path(backend_tls)).status == 101
            for _ in range(32):
                assert client.read_frame()[3] == payload


def test_a_client_that_sends_much_with_its_request(httpd, tls):
    server = httpd(ECHO.replace("</Location>", "WebSocketMaxMessageSize 0\n</Location>"), tls=True)
    payload = bytes(1 << 20)
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        assert client.handshake("/echo", extra=frame(2, payload)).status == 101
        assert client.read_frame()[3] == payload
