"""Who a client is, and what it says, is in no log of mod_ws's: not in the error log at any level of ws, not in a WebSocketLog as
it is by default. Tokens behind WebSocketAuthSubprotocol: auth_subprotocol_test.py."""

from contextlib import contextmanager

import pytest

from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, close_frame, frame
from support.relay import Relay
from support.status import STATUS
from support.waiting import wait_until

CONFIG = STATUS + """
WebSocketLog sessions.log
ProxyPass "/bytes" "tcp://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/known" "ws://of-the-user:of-the-password@127.0.0.1:${BACKEND_PORT}" retry=0
RewriteEngine on
RewriteRule "^/known-rule$" "ws://of-the-user:of-the-password@127.0.0.1:${BACKEND_PORT}/" [P]
RewriteRule "^/rule$" "ws://localhost:${BACKEND_PORT}/" [P]
"""
SECRETS = ("of-the-password", "of-the-query", "of-the-header", "of-the-cookie", "of-the-message",
           "of-the-subprotocol")
TARGET = "?token=of-the-query&a=b?c"
HEADERS = {"Authorization": "Bearer of-the-header", "Cookie": "session=of-the-cookie"}
SAID = b"of-the-message"


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("rewrite",), log_level="warn ws:trace8")


@pytest.fixture
def keeps_secrets(relay):
    """Logs are looked at when the test's sessions have ended."""
    since, before = len(relay.server.error_log()), len(session_lines(relay))

    @contextmanager
    def check(sessions):
        yield
        wait_until(lambda: len(session_lines(relay)) >= before + sessions, relay.server.error_log)
        log = relay.server.error_log()[since:] + "\n".join(session_lines(relay)[before:])
        assert "ws:" in log
        assert [secret for secret in SECRETS if secret in log] == []
    return check


def session_lines(relay):
    file = relay.server.config.root / "sessions.log"
    return file.read_text().splitlines() if file.exists() else []


MEANS = {
    "message": (frame(TEXT, SAID), 1),
    "fragments": (frame(BINARY, SAID, fin=False) + frame(CONTINUATION, SAID), 1),
    "ping": (frame(PING, SAID), 1),
    "pong": (frame(PONG, SAID) + frame(TEXT, "x"), 1),
    "text-that-is-none": (frame(TEXT, SAID + b"\xff"), 1),
    "breach": (frame(TEXT, SAID, rsv=1), 1),
    "reason": (close_frame(4000, SAID.decode()), 0),
    "half-a-frame": (frame(TEXT, SAID)[:-1], 0),
}


@pytest.mark.parametrize("sent, answers", MEANS.values(), ids=MEANS)
@pytest.mark.parametrize("path", ["/echo", "/plain", "/rule", "/bytes"])
def test_a_session_however_it_goes_is_logged_without_them(relay, keeps_secrets, path, sent, answers):
    with relay.websockets_backend() if path != "/bytes" else relay.scripted_backend(echo_bytes), \
            keeps_secrets(sessions=1), relay.client() as client:
        client.open(path + TARGET, headers=HEADERS)
        client.send(sent)
        if answers:
            client.read_exact(2)
        client.send(close_frame(1000))


def echo_bytes(connection):
    connection.send(connection.socket.recv(1 << 16) or b"nothing")
    connection.read_all()


REFUSED = {
    "version": {"Sec-WebSocket-Version": "12"},
    "key": {"Sec-WebSocket-Key": "of-the-header"},
    "extensions": {"Sec-WebSocket-Extensions": "x; token=of-the-header; ="},
    "body": {"Content-Length": "9"},
    "unreachable": {},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("path", ["/plain", "/rule"])
def test_a_refusal_is_logged_without_them(relay, keeps_secrets, path, headers):
    with keeps_secrets(sessions=0), relay.client() as client:
        told = {**HEADERS, **headers, "Sec-WebSocket-Protocol": "of-the-subprotocol"}
        assert client.handshake(path + TARGET, told, extra=b"forgotten").status != 101


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 403 Forbidden\r\nSet-Cookie: s=of-the-cookie\r\nContent-Length: 14\r\n\r\nof-the-message",
    b"HTTP/1.1 302 Found\r\nLocation: /?token=of-the-query\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 of-the-header\r\nUpgrade: of-the-header\r\n\r\n", b"of-the-message\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nof-the-header\r\n\r\n"],
    ids=["refusal", "redirect", "bad-upgrade", "no-http", "bad-header"])
def test_a_backends_answer_is_logged_without_them(relay, keeps_secrets, answer):
    def script(connection):
        connection.read_head()
        connection.send(answer)
    with relay.scripted_backend(script), keeps_secrets(sessions=0), relay.client() as client:
        assert client.handshake("/plain" + TARGET, HEADERS).status != 101


def test_the_status_page_shows_no_query_and_no_header(relay, keeps_secrets):
    with keeps_secrets(sessions=1), relay.client() as client, relay.client() as visitor:
        client.open("/echo" + TARGET, headers=HEADERS)
        report = wait_until(lambda: (lambda body: b'"/echo"' in body and body)(visitor.get("/ws-status?json").body),
                            "the session is shown")
        assert [secret for secret in SECRETS if secret.encode() in report] == []


# A backend's URL with a password in it: httpd leaves it out of the request, too.


@pytest.mark.parametrize("path", ["/known", "/known-rule"])
def test_the_password_in_a_backends_url_is_shown_nowhere(relay, keeps_secrets, path):
    with relay.scripted_backend(lambda connection: (connection.accept_websocket(), connection.read_frame())) as backend, \
            keeps_secrets(sessions=1), relay.client() as client, relay.client() as visitor:
        client.open(path)
        pages = wait_until(lambda: (lambda body: f'"{path}"'.encode() in body and body)(visitor.get("/ws-status?json").body),
                           "the session is shown")
        pages += visitor.get("/ws-status?metrics").body + visitor.get("/ws-status").body
        assert b"of-the-password" not in pages
        client.send_frame(TEXT, "hello")
        client.send_close(1000)
        (head, _), = backend.wait_for_scripts(1)
    assert "Authorization" not in head.headers and b"of-the-password" not in head.raw


@pytest.mark.parametrize("path", ["/known", "/known-rule"])
def test_the_password_of_a_backend_that_cannot_be_reached_is_shown_nowhere(relay, keeps_secrets, path):
    with keeps_secrets(sessions=0), relay.client() as client:
        assert client.handshake(path).status == 503
