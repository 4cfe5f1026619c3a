"""Backends that misbehave: what the client gets, one line in the log that names them, and nothing lost that came whole."""

import threading
from contextlib import ExitStack

import pytest

from support import processes
from support.frames import BINARY, CONTINUATION, TEXT, accept_key, close_frame, frame
from support.raw_client import KEY
from support.relay import Relay
from support.waiting import wait_until

CONFIG = """
ProxyPass "/hasty" "ws://localhost:${BACKEND_PORT}" retry=0 timeout=1
ProxyPass "/uncompressed" "ws://127.0.0.1:${BACKEND_PORT}/uncompressed" retry=0
<Location "/uncompressed">
    WebSocketCompression off
</Location>
RewriteEngine on
RewriteRule "^/rule$" "ws://localhost:${BACKEND_PORT}/" [P]
"""
SWITCHING = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Sec-WebSocket-Accept: {accept_key(KEY)}\r\n").encode()
MAX_GROWTH_BYTES = 8 << 20


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("rewrite",))


def sending(*parts):
    """A script that answers with these bytes, as far as anybody takes them."""
    def script(connection):
        connection.read_head()
        try:
            for part in parts:
                connection.send(part)
        except OSError:
            pass
    return script


# Answers that agree to what nobody offered


OFFER = {"Sec-WebSocket-Protocol": "chat, superchat",
         "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
UNOFFERED = {
    "other-subprotocol": ("Sec-WebSocket-Protocol: mqtt", "a subprotocol nobody offered"),
    "two-subprotocols": ("Sec-WebSocket-Protocol: chat, superchat", "a subprotocol nobody offered"),
    "other-extension": ("Sec-WebSocket-Extensions: x-shout", "an extension nobody offered"),
    "one-more-extension": ("Sec-WebSocket-Extensions: permessage-deflate, x-shout",
                           "an extension nobody offered"),
    "malformed-extension": ("Sec-WebSocket-Extensions: permessage-deflate; =8",
                            "malformed Sec-WebSocket-Extensions"),
    "second-accept": (f"Sec-WebSocket-Accept: {accept_key(KEY)}", "a wrong Sec-WebSocket-Accept"),
}


@pytest.mark.parametrize("line, complaint", UNOFFERED.values(), ids=UNOFFERED)
def test_an_answer_beyond_the_offer_gives_502(relay, assert_one_complaint, line, complaint):
    with relay.scripted_backend(sending(SWITCHING + f"{line}\r\n\r\n".encode())), \
            relay.client() as client:
        response = client.handshake("/plain", OFFER)
    assert response.status == 502
    assert not {"sec-websocket-protocol", "sec-websocket-extensions"} & set(response.headers)
    assert_one_complaint(f"ws:(?:error|info).*backend {relay.worker()}: 101 with {complaint}")


def test_an_extension_that_httpd_did_not_pass_on_gives_502(relay, assert_one_complaint):
    answer = SWITCHING + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    with relay.scripted_backend(sending(answer)), relay.client() as client:
        assert client.handshake("/uncompressed", OFFER).status == 502
    assert_one_complaint(f"backend {relay.worker()}: 101 with an extension")


# Ordinary answers


@pytest.mark.parametrize("status_line, headers", [
    ("200 OK", "Content-Length: 0"), ("302 Found", "Location: /login\r\nContent-Length: 0"),
    ("500 Internal Server Error", "Content-Length: 0")])
def test_another_answer_is_passed_on_and_logged(relay, wait_for_log, status_line, headers):
    answer = f"HTTP/1.1 {status_line}\r\n{headers}\r\n\r\n".encode()
    with relay.scripted_backend(sending(answer)), relay.client() as client:
        assert client.handshake("/plain").head.first_line == f"HTTP/1.1 {status_line}"
    wait_for_log(f"ws:info.*backend {relay.worker()} answered the opening handshake with {status_line}$")


def test_a_line_end_inside_a_header_adds_no_header(relay):
    answer = SWITCHING + b"X-One: 1\rX-Two: 2\r\n\r\n"
    with relay.scripted_backend(sending(answer)), relay.client() as client:
        assert b"X-Two" not in client.handshake("/plain").head.raw


# Silence


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 101 Switch", SWITCHING, SWITCHING + b"X-Ha"],
                         ids=["nothing", "half-a-line", "no-end", "half-a-header"])
def test_a_backend_that_falls_silent_gives_504(relay, assert_one_complaint, sent):
    def script(connection):
        connection.read_head()
        connection.send(sent)
        connection.read_eof()
    with relay.scripted_backend(script), relay.client() as client:
        assert client.handshake("/hasty").status == 504
    assert_one_complaint(rf"ws:(?:error|info).*timeout.*backend ws://localhost:{relay.backend_port}: ")


def test_a_backend_that_only_a_rule_names_is_named(relay, assert_one_complaint):
    with relay.scripted_backend(sending(b"garbage\r\n")), relay.client() as client:
        assert client.handshake("/rule").status == 502
    assert_one_complaint(f"ws:(?:error|info).*backend ws://localhost:{relay.backend_port}: ")


# Floods


LINE = b"X: " + 8000 * b"y" + b"\r\n"
MEGABYTE = (1 << 20) * b"y"
FLOODS = {
    "short-headers": [SWITCHING, *(64 * [8192 * (b"X: " + 120 * b"y" + b"\r\n")])],
    "long-headers": [SWITCHING, *(8192 * [LINE])],
    "one-header": [SWITCHING + b"X: ", *(64 * [MEGABYTE])],
    "folded-header": [SWITCHING + b"X: y\r\n", *(8192 * [b" " + LINE])],
    "interim-answers": 64 * [b"HTTP/1.1 103 Early Hints\r\n" + 190 * LINE + b"\r\n"],
    "first-line": 64 * [MEGABYTE],
    "empty-lines": 64 * [(1 << 19) * b"\r\n"],
}


@pytest.mark.parametrize("parts", FLOODS.values(), ids=FLOODS)
def test_a_flood_gives_502_in_bounded_memory(relay, assert_one_complaint, parts):
    child, = relay.server.children()
    before = processes.peak_rss_bytes(child)
    with relay.scripted_backend(sending(*parts)), relay.client() as client:
        assert client.handshake("/plain").status == 502
    assert processes.peak_rss_bytes(child) - before < MAX_GROWTH_BYTES
    assert_one_complaint(f"ws:(?:error|info).*backend {relay.worker()}: ")


# Sessions that break


def assert_client_is_closed(client, code):
    assert client.expect_close()[0] == code
    client.send_close(code)
    client.read_eof()


@pytest.mark.parametrize("backend_tls", [False, True], ids=["plain", "tls"])
def test_what_came_whole_before_the_backend_died_mid_frame_arrives(relay, assert_one_complaint,
                                                                   backend_tls):
    half = frame(BINARY, bytes(3000), mask=False)[:1000]
    with relay.session(backend_tls=backend_tls) as (client, backend):
        backend.send(frame(TEXT, "whole", mask=False) + frame(BINARY, bytes(70000), mask=False) + half)
        backend.close()
        client.expect_frame(TEXT, "whole")
        client.expect_frame(BINARY, bytes(70000))
        assert client.read_all() == half
    assert_one_complaint(rf"ws:(?:warn|info).*the backend {relay.worker(backend_tls)} was lost inside a frame: ")


def test_a_backend_that_dies_between_fragments_closes_the_client_with_1014(relay, assert_one_complaint):
    with relay.session() as (client, backend):
        backend.send_frame(TEXT, "first half, ", fin=False)
        backend.send_frame(CONTINUATION, "and ", fin=False)
        backend.close()
        assert client.read_frame().payload == b"first half, "
        assert client.read_frame().payload == b"and "
        assert_client_is_closed(client, 1014)
    assert_one_complaint(f"ws:(?:warn|info).*the backend {relay.worker()} was lost: ")


BREACHES = {
    "masked": (frame(TEXT, "hello", mask=True), 1002),
    "masked-close": (close_frame(1000, mask=True), 1002),
    "http": (b"HTTP/1.1 200 OK\r\n\r\n", 1002),
    "zeroes": (bytes(100), 1002),
    "64-bit-size": (b"\x82\x7f" + 8 * b"\xff", 1002),
}


@pytest.mark.parametrize("sent, code", BREACHES.values(), ids=BREACHES)
def test_a_breach_gets_the_backend_its_code_and_the_client_1001(relay, assert_one_complaint, sent, code):
    with relay.session() as (client, backend):
        backend.send(frame(TEXT, "whole", mask=False) + sent)
        client.expect_frame(TEXT, "whole")
        assert backend.expect_close()[0] == code
        assert_client_is_closed(client, 1001)
        backend.read_eof()
    assert_one_complaint(f"ws:(?:warn|info).*the backend {relay.worker()} broke the protocol: ")


# Many at once


SESSIONS = 20


@pytest.fixture
def fresh_relay(httpd):
    """One whose httpd has not complained of anything yet."""
    return Relay(httpd)


def test_a_backend_that_takes_many_sessions_along_is_one_complaint(fresh_relay):
    server = fresh_relay.server
    is_over = threading.Event()

    def serve(connection):
        connection.accept_websocket()
        is_over.wait()
        connection.close()
    with ExitStack() as stack:
        stack.enter_context(fresh_relay.scripted_backend(serve))
        stack.callback(is_over.set)
        clients = [stack.enter_context(fresh_relay.client()) for _ in range(SESSIONS)]
        for client in clients:
            client.open("/plain")
        is_over.set()
        for client in clients:
            assert_client_is_closed(client, 1014)
    text = f"the backend {fresh_relay.worker()} was lost: "
    wait_until(lambda: server.error_log().count(text) == SESSIONS, "each session's line")
    line, = [line for line in server.complaints() if "[ws:" in line]
    assert "ws:warn" in line and text in line


def test_a_backend_that_answers_none_of_many_handshakes_is_one_complaint(fresh_relay):
    with fresh_relay.scripted_backend(sending(b"garbage\r\n")):
        for _ in range(SESSIONS):
            with fresh_relay.client() as client:
                assert client.handshake("/plain").status == 502
    line, = [line for line in fresh_relay.server.complaints() if "[ws:" in line]
    assert "ws:error" in line and f"backend {fresh_relay.worker()}: " in line
