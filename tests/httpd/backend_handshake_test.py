"""The backend's side of the opening handshake: what it is asked, and what its answers become."""

import select
import time
from contextlib import suppress

import pytest

from support.frames import TEXT, accept_key
from support.raw_client import KEY
from support.relay import Relay
from support.ws_client import connect, run

CONFIG = """
ProxyPassReverse "/plain" "ws://127.0.0.1:${BACKEND_PORT}"
ProxyPassReverse "/plain" "http://backend.example"
ProxyPassReverseCookiePath "/inside" "/plain/inside"
ProxyPass "/own-host" "ws://127.0.0.1:${BACKEND_PORT}"
<Location "/own-host">
    ProxyPreserveHost on
</Location>
ProxyPass "/overridden" "ws://127.0.0.1:${BACKEND_PORT}"
<Location "/overridden">
    ProxyErrorOverride on
    ErrorDocument 404 "httpd's own"
</Location>
ProxyPass "/hasty" "ws://127.0.0.1:${BACKEND_PORT}"
<Location "/hasty">
    WebSocketHandshakeTimeout 500ms
</Location>
<Location "/plain">
    Header always set X-A 1
    Header set X-B 2
    Header unset X-Secret
</Location>
"""


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("headers",))


# What the backend is asked


def asked(relay, path="/plain/room?a=b", headers=None):
    """The head of the opening request that reaches the backend."""
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend, \
            relay.client() as client:
        client.open(path, headers=headers)
        head, = backend.wait_for_scripts(1)
    return head


def test_asks_with_the_clients_handshake(relay):
    head = asked(relay)
    assert head.first_line == "GET /room?a=b HTTP/1.1"
    assert head.values("Upgrade") == ["websocket"]
    assert head.values("Connection") == ["Upgrade"]
    assert head.values("Sec-WebSocket-Key") == [KEY]
    assert head.values("Sec-WebSocket-Version") == ["13"]


def test_passes_the_clients_headers_on(relay):
    sent = {"Cookie": "a=1; b=2", "Authorization": "Basic eDp5", "Origin": "http://page.example",
            "User-Agent": "test", "Sec-WebSocket-Protocol": "chat, superchat",
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    head = asked(relay, headers=sent)
    assert {name: head.headers.get(name) for name in sent} == sent


def test_drops_headers_that_end_at_httpd(relay):
    head = asked(relay, headers={"Connection": "Upgrade, X-Hop", "X-Hop": "1", "TE": "trailers",
                                 "Keep-Alive": "5"})
    assert not {"x-hop", "te", "keep-alive"} & set(head.headers)


def test_adds_forwarding_headers(relay):
    head = asked(relay, headers={"Host": "public.example", "X-Forwarded-For": "10.0.0.1"})
    assert head.headers["Host"] == f"127.0.0.1:{relay.backend_port}"
    assert head.headers["X-Forwarded-Host"] == "public.example"
    assert head.headers["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"


def test_keeps_the_host_with_proxy_preserve_host(relay):
    head = asked(relay, "/own-host", headers={"Host": "public.example"})
    assert head.headers["Host"] == "public.example"


# Its 101


def opened(relay, answer=None, **headers):
    """The 101 that a client gets when the backend's has the headers `answer`."""
    with relay.scripted_backend(lambda connection: connection.accept_websocket(answer)), \
            relay.client() as client:
        return client.open("/plain", headers=headers)


def test_passes_the_headers_of_the_101_on(relay):
    response = opened(relay, {"X-Session": "7", "Date": "today", "X-Secret": "1"})
    assert response.headers["X-Session"] == "7"
    assert "X-Secret" not in response.headers


def test_the_101_has_each_of_its_own_headers_once(relay):
    response = opened(relay, {"Content-Length": "0", "Keep-Alive": "timeout=5"})
    assert response.head.first_line == "HTTP/1.1 101 Switching Protocols"
    for name in ("Upgrade", "Connection", "Sec-WebSocket-Accept"):
        assert len(response.head.values(name)) == 1
    assert not {"content-length", "transfer-encoding", "keep-alive"} & set(response.headers)


def test_mod_headers_sets_headers_of_the_101(relay):
    response = opened(relay)
    assert (response.head.values("X-A"), response.head.values("X-B")) == (["1"], ["2"])


def test_maps_the_cookies_of_the_101(relay):
    response = opened(relay, {"Set-Cookie": "a=1; path=/inside\r\nSet-Cookie: b=2; path=/inside"})
    assert [cookie.lower() for cookie in response.head.values("Set-Cookie")] == [
        "a=1; path=/plain/inside", "b=2; path=/plain/inside"]


def test_the_backend_chooses_the_subprotocol(relay):
    async def subprotocol():
        async with connect(relay.url(), subprotocols=["chat", "superchat"]) as ws:
            return ws.subprotocol
    with relay.websockets_backend(subprotocols=["superchat"]):
        assert run(subprotocol()) == "superchat"


def test_no_subprotocol_is_a_choice_too(relay):
    response = opened(relay, **{"Sec-WebSocket-Protocol": "chat"})
    assert "Sec-WebSocket-Protocol" not in response.headers


def test_the_backend_chooses_the_extensions(relay):
    choice = {"Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover"}
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate"}
    assert opened(relay, choice, **offer).headers["Sec-WebSocket-Extensions"] \
        == choice["Sec-WebSocket-Extensions"]


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n",
                                     b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
def test_an_interim_answer_is_no_answer(relay, interim):
    def script(connection):
        connection.send(interim)
        connection.accept_websocket()
        connection.expect_frame(TEXT, "hello")
    with relay.scripted_backend(script) as backend, relay.client() as client:
        client.open("/plain")
        client.send_frame(TEXT, "hello")
        backend.wait_for_scripts(1)


# Ordinary answers


def answering(raw, *more):
    """A script that answers with these bytes."""
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 " + raw.replace(b"\n", b"\r\n"))
        for part in more:
            connection.send(part)
    return script


ANSWERS = {
    "200": (b"200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok", 200, b"ok"),
    "200-until-close": (b"200 OK\n\nok", 200, b"ok"),
    "302": (b"302 Found\nLocation: http://backend.example/x\nContent-Length: 0\n\n", 302, b""),
    "403": (b"403 Forbidden\nX-Why: because\nContent-Length: 5\n\nno, x", 403, b"no, x"),
    "404-chunked": (b"404 Not Found\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n", 404,
                    b"abcde"),
    "401": (b'401 Unauthorized\nWWW-Authenticate: Basic realm="x"\nContent-Length: 1\n\n!', 401,
            b"!"),
    "204": (b"204 No Content\n\n", 204, b""),
    "304": (b"304 Not Modified\n\n", 304, b""),
    "426": (b"426 Upgrade Required\nSec-WebSocket-Version: 14\nContent-Length: 0\n\n", 426, b""),
    "500": (b"500 Internal Server Error\nContent-Length: 4\n\noops", 500, b"oops"),
}


@pytest.mark.parametrize("raw, status, body", ANSWERS.values(), ids=ANSWERS)
def test_another_answer_reaches_the_client(relay, raw, status, body):
    with relay.scripted_backend(answering(raw)), relay.client() as client:
        response = client.handshake("/plain")
        assert (response.status, response.body) == (status, body)


@pytest.mark.parametrize("raw, name, value", [
    (b"302 Found\nLocation: http://backend.example/x\nContent-Length: 0\n\n",
     "Location", "http://{host}/plain/x"),
    (b'401 Unauthorized\nWWW-Authenticate: Basic realm="x"\nContent-Length: 0\n\n',
     "WWW-Authenticate", 'Basic realm="x"'),
    (b"403 Forbidden\nX-Why: because\nContent-Length: 0\n\n", "X-Why", "because"),
    (b"200 OK\nContent-Type: text/x-test\nContent-Length: 2\n\nok", "Content-Type", "text/x-test"),
    (b"403 Forbidden\nContent-Length: 0\n\n", "X-A", "1"),
])
def test_its_headers_reach_the_client(relay, raw, name, value):
    with relay.scripted_backend(answering(raw)), relay.client() as client:
        headers = client.handshake("/plain").headers
        assert headers.get(name) == value.format(host=client.host)
        assert "Upgrade" not in headers


def test_set_cookie_lines_stay_separate(relay):
    raw = (b"403 Forbidden\nSet-Cookie: a=1; expires=Thu, 01 Jan 2037 00:00:00 GMT\n"
           b"Set-Cookie: b=2; path=/inside\nContent-Length: 0\n\n")
    with relay.scripted_backend(answering(raw)), relay.client() as client:
        one, other = client.handshake("/plain").head.values("Set-Cookie")
        assert (one, other.lower()) == ("a=1; expires=Thu, 01 Jan 2037 00:00:00 GMT",
                                        "b=2; path=/plain/inside")


@pytest.mark.parametrize("raw", [raw for raw, status, _ in ANSWERS.values() if status != 500],
                         ids=[name for name in ANSWERS if name != "500"])
def test_the_clients_connection_stays_usable(relay, raw):
    """As httpd's own rules say; a 500 ends a connection."""
    relay.server.publish("page", "a page")
    with relay.scripted_backend(answering(raw)) as backend, relay.client() as client:
        client.handshake("/plain")
        assert client.get("/page").body == b"a page"
        client.handshake("/plain")
        assert len(backend.wait_for_scripts(2)) == 2


def test_proxy_error_override_replaces_the_answer(relay):
    raw = b"404 Not Found\nContent-Length: 5\n\ninner"
    with relay.scripted_backend(answering(raw)), relay.client() as client:
        response = client.handshake("/overridden")
        assert (response.status, response.body) == (404, b"httpd's own")


def test_a_body_that_ends_early_ends_the_clients_connection(relay):
    raw = b"200 OK\nContent-Length: 1000\n\nhalf"
    with relay.scripted_backend(answering(raw)), relay.client() as client:
        client.send(client.handshake_bytes("/plain"))
        answer = client.read_all()
        assert b"1000" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < 1000


def test_a_body_lasts_to_the_end_of_the_connection(relay):
    with relay.scripted_backend(answering(b"200 OK\n\na body")):
        for _ in range(30):
            with relay.client() as client:
                assert client.handshake("/plain").body == b"a body"


def test_passes_a_large_body_on(relay):
    body = bytes(i % 251 for i in range(3_000_000))
    raw = b"403 Forbidden\nContent-Length: %d\n\n" % len(body)
    with relay.scripted_backend(answering(raw, body)), relay.client() as client:
        assert client.handshake("/plain").body == body


def test_a_body_that_comes_byte_by_byte_does_not_hold_a_thread(relay, wait_for_log):
    def drip(connection):
        connection.read_head()
        with suppress(OSError):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not select.select([connection.socket], [], [], 0.01)[0]:  # until httpd ends it
                connection.send(b"x")
    with relay.scripted_backend(drip) as backend, relay.client() as client:
        client.send(client.handshake_bytes("/hasty"))
        assert client.read_all().count(b"x") < 1000
        backend.wait_for_scripts(1)
    wait_for_log(f"ws:(?:error|info).*timeout.*backend {relay.worker()}: the response to the opening handshake ended early")


def test_a_client_that_reads_a_body_slowly_is_not_taken_for_a_slow_backend(relay):
    body = bytes(30_000_000)
    raw = b"403 Forbidden\nContent-Length: %d\n\n" % len(body)
    with relay.scripted_backend(answering(raw, body)), relay.client() as client:
        client.send(client.handshake_bytes("/hasty"))
        time.sleep(1)  # the slowness, not a wait: more than the backend has
        assert len(client.read_all()) > len(body)


# Bad answers


ACCEPT = accept_key(KEY).encode()
SWITCHING = b"101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
ACCEPTED = SWITCHING + b"Sec-WebSocket-Accept: " + ACCEPT + b"\n"
BAD_ANSWERS = {
    "wrong-accept": SWITCHING + b"Sec-WebSocket-Accept: " + accept_key("x").encode() + b"\n\n",
    "no-accept": SWITCHING + b"\n",
    "no-upgrade": ACCEPTED.replace(b"Upgrade: websocket\n", b"") + b"\n",
    "other-upgrade": ACCEPTED.replace(b"websocket", b"h2c") + b"\n",
    "no-connection": ACCEPTED.replace(b"Connection: Upgrade\n", b"") + b"\n",
    "subprotocol": ACCEPTED + b"Sec-WebSocket-Protocol: chat\n\n",
    "extension": ACCEPTED + b"Sec-WebSocket-Extensions: permessage-deflate\n\n",
    "many-headers": ACCEPTED + b"X: y\n" * 10000 + b"\n",
    "long-header": ACCEPTED + b"X: " + b"y" * (1 << 20) + b"\n\n",
    "no-colon": ACCEPTED + b"a line\n\n",
    "half-a-line": ACCEPTED + b"X-Ha",
    "half-a-head": ACCEPTED,
    "half-a-first-line": b"101 Switch",
    "only-interim": b"100 Continue\n\n" + b"HTTP/1.1 100 Continue\n\n" * 100,
}


@pytest.fixture
def assert_refused(relay, assert_one_complaint):
    def check():
        with relay.client() as client:
            response = client.handshake("/plain")
            assert response.status == 502
            assert "Sec-WebSocket-Accept" not in response.headers
        assert_one_complaint(f"ws:(?:error|info).*backend {relay.worker()}: ")
    return check


def ignoring_the_end(script):
    """httpd does not listen to the end of everything."""
    def careful(connection):
        try:
            script(connection)
        except OSError:
            pass
    return careful


@pytest.mark.parametrize("raw", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_101_gives_502(relay, assert_refused, raw):
    with relay.scripted_backend(ignoring_the_end(answering(raw))):
        assert_refused()


@pytest.mark.parametrize("data", [b"\x00\xff garbage\r\n\r\n", b"garbage" * 10000, b"\r\n\r\n",
                                  b"SSH-2.0-OpenSSH\r\n", b"HTTP/2.0 101 Switching\r\n\r\n"],
                         ids=["binary", "long", "empty-lines", "ssh", "http-2"])
def test_garbage_gives_502(relay, assert_refused, data):
    def script(connection):
        connection.read_head()
        connection.send(data)
    with relay.scripted_backend(ignoring_the_end(script)):
        assert_refused()


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_no_answer_gives_502(relay, assert_refused, vanish):
    def script(connection):
        connection.read_head()
        getattr(connection, vanish)()
    with relay.scripted_backend(script):
        assert_refused()


def test_the_server_goes_on_after_a_bad_answer(relay):
    with relay.scripted_backend(answering(b"101 Switch")), relay.client() as client:
        assert client.handshake("/plain").status == 502
    with relay.websockets_backend(), relay.client() as client:
        client.open("/plain")
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")
