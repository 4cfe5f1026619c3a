"""What the opening handshake and a session promise, with the handler echo."""

import base64
from contextlib import ExitStack

import pytest

from support.frames import BINARY, CONTINUATION, NO_STATUS, PING, PONG, TEXT, frame
from support.node import run_node_client
from support.raw_client import RawClient
from support.waiting import wait_until
from support.ws_client import exchange

MAX_MESSAGE_SIZE = 100000
ECHO = f"""
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/small">
    WebSocketHandler echo
    WebSocketMaxMessageSize {MAX_MESSAGE_SIZE}
</Location>
"""
SIZES = (0, 1, 125, 126, 65535, 65536, 1000000)


@pytest.fixture(scope="module")
def module_server(module_httpd):
    server = module_httpd(ECHO, tls=True)
    server.publish("echo", "a page")
    return server


@pytest.fixture
def server(module_server):
    with module_server.shared() as server:
        yield server


@pytest.fixture
def client(server):
    with RawClient("127.0.0.1", server.port) as client:
        yield client


@pytest.fixture
def session(client):
    client.open("/echo")
    return client


# Sessions


def test_echoes_text(httpd, mpm, tls):
    server = httpd(ECHO, mpm=mpm, tls=True)
    messages = ["\u20ac" * (size // 3) for size in SIZES]
    assert exchange(server.url("/echo", tls), messages) == messages


def test_echoes_binary(httpd, mpm, tls):
    server = httpd(ECHO, mpm=mpm, tls=True)
    messages = [bytes(i % 251 for i in range(size)) for size in SIZES]
    assert exchange(server.url("/echo", tls), messages) == messages


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_echoes_to_node(server, tls, binary):
    result = run_node_client(server.url("/echo", tls), 2 * len(SIZES), SIZES, binary, close=4001)
    assert result["messages"] == 2 * len(SIZES)
    assert result["bytes"] == 2 * sum(SIZES)


def test_keeps_frames_sent_with_the_request(server, tls):
    early = frame(TEXT, "first") + frame(BINARY, b"second") + frame(PING, b"third")
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        client.open("/echo", extra=early)
        client.expect_frame(TEXT, "first")
        client.expect_frame(BINARY, b"second")
        client.expect_frame(PONG, b"third")


def test_joins_fragments_around_a_ping(session):
    session.send_frame(TEXT, "frag", fin=False)
    session.send_frame(PING, b"between")
    session.send_frame(CONTINUATION, "ment")
    session.expect_frame(PONG, b"between")
    session.expect_frame(TEXT, "fragment")


def test_answers_ping_with_the_same_payload(session):
    for payload in (b"", b"payload", bytes(range(125))):
        session.send_frame(PING, payload)
        session.expect_frame(PONG, payload)


def test_echoes_the_close_code_and_ends(server, tls):
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        client.open("/echo")
        client.send_close(4001, "bye")
        code, _ = client.expect_close()
        assert code == 4001
        client.read_eof()


def test_answers_a_close_without_code_and_ends(session):
    session.send_close()
    code, _ = session.expect_close()
    assert code in (NO_STATUS, 1000)
    session.read_eof()


def test_a_header_value_with_a_line_end_stays_out_of_the_101(httpd):
    """It would let whoever wrote the value write headers of his own."""
    value = "%{unbase64:" + base64.b64encode(b"a\r\nX-Split: 1").decode() + "}"
    server = httpd(f'''{ECHO}
Header always set X-Value "expr={value}"
Header always set X-Other "good"
''', modules=("headers",))
    with RawClient("127.0.0.1", server.port) as client:
        response = client.open("/echo")
        assert response.headers["X-Other"] == "good"
        assert "X-Split" not in response.headers and "X-Value" not in response.headers
        client.send_frame(TEXT, "still a session")
        client.expect_frame(TEXT, "still a session")


# Requests that open no session


def test_serves_a_page_to_a_plain_get(client):
    response = client.get("/echo")
    assert (response.status, response.body) == (200, b"a page")


def test_refuses_post_with_405(client):
    assert client.handshake("/echo", method="POST").status == 405


def test_refuses_a_missing_key_with_400(client):
    assert client.handshake("/echo", remove=["Sec-WebSocket-Key"]).status == 400


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j!Q==",
                                 "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ=="])
def test_refuses_a_bad_key_with_400(client, key):
    assert client.handshake("/echo", {"Sec-WebSocket-Key": key}).status == 400


def test_refuses_another_version_with_426(client):
    response = client.handshake("/echo", {"Sec-WebSocket-Version": "12"})
    assert response.status == 426
    assert response.headers.get("Sec-WebSocket-Version") == "13"


def test_refuses_a_missing_version_with_400(client):
    assert client.handshake("/echo", remove=["Sec-WebSocket-Version"]).status == 400


@pytest.mark.parametrize("connection", ["keep-alive", "upgraded"])
def test_refuses_a_connection_header_without_upgrade_with_400(client, connection):
    assert client.handshake("/echo", {"Connection": connection}).status == 400


def test_refuses_a_missing_connection_header_with_400(client):
    assert client.handshake("/echo", remove=["Connection"]).status == 400


def test_refuses_a_key_without_upgrade_with_426(client):
    response = client.handshake("/echo", remove=["Upgrade", "Connection"])
    assert response.status == 426
    assert response.headers.get("Upgrade", "").lower() == "websocket"


def test_refuses_http_1_0_with_400(client):
    assert client.handshake("/echo", version="HTTP/1.0").status == 400


def test_refuses_a_body_with_400(client):
    response = client.handshake("/echo", {"Content-Length": "5"}, extra=b"hello")
    assert response.status == 400


def test_refuses_a_chunked_body_with_400(client):
    response = client.handshake("/echo", {"Transfer-Encoding": "chunked"}, extra=b"0\r\n\r\n")
    assert response.status == 400


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://127.0.0.1:1", "null"])
def test_refuses_a_foreign_origin_with_403(client, origin):
    assert client.handshake("/echo", {"Origin": origin}).status == 403


def test_lets_the_same_origin_in(server, tls):
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        client.open("/echo", headers={"Origin": server.url("", tls, scheme="http")})
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")


def test_opens_a_session_on_the_connection_of_a_refusal(client):
    assert client.handshake("/echo", {"Sec-WebSocket-Version": "12"}).status == 426
    client.open("/echo")


# Violations


def assert_fails_with(client, code):
    assert client.expect_close()[0] == code
    client.read_eof()


def test_closes_an_unmasked_frame_with_1002(session):
    session.send_frame(TEXT, "hello", mask=False)
    assert_fails_with(session, 1002)


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_closes_a_reserved_bit_with_1002(session, rsv):
    session.send_frame(TEXT, "hello", rsv=rsv)
    assert_fails_with(session, 1002)


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"cut short \xe2\x82"])
def test_closes_invalid_utf8_with_1007(session, text):
    session.send_frame(TEXT, text)
    assert_fails_with(session, 1007)


def test_closes_a_message_above_the_limit_with_1009(client):
    client.open("/small")
    client.send_frame(BINARY, bytes(MAX_MESSAGE_SIZE + 1))
    assert_fails_with(client, 1009)


def test_closes_fragments_above_the_limit_with_1009(client):
    client.open("/small")
    client.send_frame(BINARY, bytes(MAX_MESSAGE_SIZE), fin=False)
    client.send_frame(CONTINUATION, b"x")
    assert_fails_with(client, 1009)


def test_echoes_a_message_at_the_limit(client):
    client.open("/small")
    client.send_frame(BINARY, bytes(MAX_MESSAGE_SIZE))
    client.expect_frame(BINARY, bytes(MAX_MESSAGE_SIZE))


# Clients that vanish, and many clients


def reset_after_bytes(server, tls, size, early=frame(TEXT, "hello")):
    """Resets after `size` bytes of handshake and frame; false when they are not that many."""
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        data = client.handshake_bytes("/echo") + early
        client.send_raw(data[:size])
        client.reset()
    return size <= len(data)


def reset_after_bytes_of_frame(server, tls, size, sent=frame(TEXT, "hello")):
    """The same with a client that waits for the 101."""
    with RawClient("127.0.0.1", server.port_of(tls), tls) as client:
        client.open("/echo")
        client.send_raw(sent[:size])
        client.reset()
    return size <= len(sent)


def descriptors(server):
    child, = server.children()
    return server.open_fds(child)


def echo_in_many_sessions(server, tls):
    url = server.url("/echo", tls)
    for _ in range(10):
        assert exchange(url, ["hello"]) == ["hello"]


@pytest.mark.parametrize("mpm", ["event", "worker"])
@pytest.mark.parametrize("vanish", [reset_after_bytes, reset_after_bytes_of_frame])
def test_survives_a_reset_at_every_length(httpd, mpm, tls, vanish):
    server = httpd(ECHO, mpm=mpm, tls=True)
    echo_in_many_sessions(server, tls)
    before = descriptors(server)
    size = 0
    while vanish(server, tls, size):
        size += 1
    wait_until(lambda: len(descriptors(server)) <= len(before),
               lambda: f"as few descriptors as before\n{before}\n{descriptors(server)}")
    echo_in_many_sessions(server, tls)


def open_session(server, stack):
    client = stack.enter_context(RawClient("127.0.0.1", server.port))
    client.open("/echo")
    return client


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_answers_gets_beside_200_sessions_on_5_threads(httpd, mpm):
    server = httpd(ECHO, mpm=mpm, threads=5)
    server.publish("page", "a page")
    with ExitStack() as open_clients:
        sessions = [open_session(server, open_clients) for _ in range(200)]
        for _ in range(20):
            with RawClient("127.0.0.1", server.port) as visitor:
                assert visitor.get("/page").body == b"a page"
        for number, session in enumerate(sessions):
            session.send_frame(TEXT, f"session {number}")
            session.expect_frame(TEXT, f"session {number}")
