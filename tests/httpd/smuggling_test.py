"""Nothing but a session's frames passes an upgrade: no request, no answer and no header that somebody has hidden in one."""

import pytest

from support.frames import TEXT, accept_key, frame
from support.http_head import head_bytes
from support.raw_client import KEY, handshake_headers
from support.relay import Relay

PAGE, HIDDEN = b"a page", b"what a hidden request asks for"
CONFIG = """
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/plain">
    WebSocketOrigin same
</Location>
ProxyPass "/named" "ws://127.0.0.1:${BACKEND_PORT}"
<Location "/named">
    RequestHeader set X-Name "expr=%{unescape:%{QUERY_STRING}}"
</Location>
RewriteEngine on
RewriteMap unescape int:unescape
RewriteRule "^/rule/(.*)$" "ws://127.0.0.1:${BACKEND_PORT}/$1" [P]
RewriteRule "^/unescaped/(.*)$" "ws://127.0.0.1:${BACKEND_PORT}/$1" [P,NE]
RewriteRule "^/query/" "ws://127.0.0.1:${BACKEND_PORT}/%{QUERY_STRING}" [P]
RewriteRule "^/unescaped-query/" "ws://127.0.0.1:${BACKEND_PORT}/?${unescape:%{QUERY_STRING}}" [P,NE]
RewriteRule "^/unescaped-path/" "ws://127.0.0.1:${BACKEND_PORT}/${unescape:%{QUERY_STRING}}" [P,NE]
RewriteRule "^/host/(.*)$" "ws://$1/" [P]
"""


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    relay = Relay(module_httpd, CONFIG, modules=("headers", "rewrite"))
    relay.server.publish("page", PAGE.decode())
    relay.server.publish("hidden", HIDDEN.decode())
    return relay


@pytest.fixture(params=["/echo", "/plain"], ids=["handler", "relay"])
def path(request):
    return request.param


@pytest.fixture
def nobody(relay):
    """The relay's backend, which nothing is to reach."""
    with relay.scripted_backend(lambda connection: None) as backend:
        yield
        assert backend.accepted() == 0


def request_for(path, host):
    return head_bytes(f"GET {path} HTTP/1.1", {"Host": host})


def answers(raw):
    """How many there are in it."""
    return raw.count(b"HTTP/1.1 ")


# Requests behind an upgrade that opens no session


REFUSED = {
    "method": ({}, {"method": "POST"}, 405),
    "origin": ({"Origin": "http://elsewhere.example"}, {}, 403),
    "version": ({"Sec-WebSocket-Version": "12"}, {}, 426),
    "no-upgrade": ({"Upgrade": "h2c"}, {}, 426),
}


@pytest.mark.parametrize("headers, options, status", REFUSED.values(), ids=REFUSED)
def test_requests_behind_a_refused_upgrade_are_answered_in_their_order(relay, nobody, path, headers,
                                                                       options, status):
    with relay.client() as client:
        behind = request_for("/page", client.host) + request_for("/hidden", client.host)
        assert client.handshake(path, headers, extra=behind, **options).status == status
        assert client.read_response().body == PAGE
        assert client.read_response().body == HIDDEN


def test_requests_behind_a_malformed_upgrade_are_not_answered(relay, nobody, path):
    with relay.client() as client:
        behind = request_for("/page", client.host)
        assert client.handshake(path, {"Sec-WebSocket-Key": "x"}, extra=behind).status == 400
        client.read_eof()


@pytest.mark.parametrize("headers", [{"Connection": "close"}, {}], ids=["close", "keep-alive"])
def test_requests_behind_an_upgrade_that_succeeds_are_bytes_of_the_session(relay, headers):
    """A front proxy that believes in two requests gets no second answer."""
    with relay.client() as client:
        client.send(client.handshake_bytes("/echo") + request_for("/hidden", client.host))
        raw = client.read_all()
    assert answers(raw) == 1 and HIDDEN not in raw


# Bodies


BODIES = {
    "length": ["Content-Length: {size}"],
    "lengths": ["Content-Length: 0", "Content-Length: {size}"],
    "equal-lengths": ["Content-Length: {size}", "Content-Length: {size}"],
    "signed-length": ["Content-Length: +{size}"],
    "hex-length": ["Content-Length: 0x{size}"],
    "length-list": ["Content-Length: {size}, {size}"],
    "no-length": ["Content-Length:"],
    "chunked": ["Transfer-Encoding: chunked"],
    "chunked-and-length": ["Transfer-Encoding: chunked", "Content-Length: {size}"],
    "length-and-chunked": ["Content-Length: 0", "Transfer-Encoding: chunked"],
    "identity": ["Transfer-Encoding: identity"],
    "unknown-encoding": ["Transfer-Encoding: xchunked"],
    "chunked-twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "space-before-colon": ["Transfer-Encoding : chunked"],
    "vertical-tab": ["Transfer-Encoding: \x0bchunked"],
    "folded": ["Transfer-Encoding:", " chunked"],
}


def opening(path, host, lines, method="GET"):
    head = head_bytes(f"{method} {path} HTTP/1.1", handshake_headers(host))
    return head[:-2] + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


@pytest.mark.parametrize("lines", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upgrade_with_a_body_is_refused_and_hides_no_request(relay, nobody, path, lines, method):
    with relay.client() as client:
        hidden = request_for("/hidden", client.host)
        told = [line.format(size=len(hidden)) for line in lines]
        client.send(opening(path, client.host, told, method) + hidden)
        client.shutdown_write()
        raw = client.read_all()
    assert raw.startswith((b"HTTP/1.1 40", b"HTTP/1.1 50")), raw[:100]
    assert HIDDEN not in raw


# Backends that do not upgrade


def switching(accept=accept_key(KEY), **headers):
    return head_bytes("HTTP/1.1 101 Switching Protocols", {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept, **headers})


ANSWERS = {
    "page": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    "refusal": (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: websocket\r\n\r\n", 426),
    "chunked": (b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 403),
    "chunked-and-a-length": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
                             b"20\r\nHTTP/1.1 200 OK\r\nX-Evil: yes\r\n\r\n\r\n0\r\n\r\n", 403),
    "two-lengths": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\n", 502),
    "no-length": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: two\r\n\r\n", 502),
    "other-encoding": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nTransfer-Encoding: x\r\n\r\n", 502),
    "chunked-twice": (b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 502),
    "no-status": (b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", 502),
    "too-high-a-status": (b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", 502),
    "wrong-accept": (switching(accept_key("another key")), 502),
    "no-accept": (switching(""), 502),
    "other-protocol": (switching().replace(b"websocket", b"h2c"), 502),
}


@pytest.mark.parametrize("answer, status", ANSWERS.values(), ids=ANSWERS)
def test_a_backend_that_does_not_upgrade_gets_no_tunnel(relay, answer, status):
    """Neither side's next bytes reach the other one, and the client goes on with httpd."""
    def script(connection):
        connection.read_head()
        connection.send(answer + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!")
        return connection.read_all()

    with relay.scripted_backend(script) as backend, relay.client() as client:
        behind = request_for("/page", client.host)
        assert client.handshake("/plain", extra=behind).status == status
        assert client.read_response().body == PAGE
        assert backend.wait_for_scripts(1) == [b""]


@pytest.mark.parametrize("value", [b"a\0b", b"a\rHTTP/1.1 200 OK"], ids=["NUL", "CR"])
def test_a_header_of_the_backends_cannot_end_its_head(relay, value):
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 403 Forbidden\r\nX-One: " + value + b"\r\nContent-Length: 0\r\n\r\n")

    with relay.scripted_backend(script), relay.client() as client:
        assert client.handshake("/plain", extra=request_for("/page", client.host)).status == 502
        assert client.read_response().body == PAGE


# Headers to the backend


INJECTED = {
    "cr": "X-One: a\rX-Added: b", "nul": "X-One: a\0X-Added: b", "cr-nul": "X-One: a\r\0\nX-Added: b",
    "folded": "X-One: a\r\n X-Added: b", "vertical-tab": "X-One: a\x0bX-Added: b",
    "in-a-name": "X-One\r: a", "no-name": ": X-Added", "high-bits": "X-One: a\u010d\u010aX-Added: b",
}


@pytest.mark.parametrize("line", INJECTED.values(), ids=INJECTED)
def test_a_clients_header_adds_none_for_the_backend(relay, line):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend, \
            relay.client() as client:
        client.send(opening("/plain", client.host, [line]))
        if client.read_response().status == 400:
            assert backend.accepted() == 0
            return
        head, = backend.wait_for_scripts(1)
    assert "X-Added" not in head.headers and b"\0" not in head.raw


@pytest.mark.parametrize("end", ["%0d%0a", "%0a", "%0d"])
def test_a_header_that_a_rule_makes_of_the_query_adds_none_for_the_backend(relay, end):
    with relay.scripted_backend(lambda connection: None) as backend, relay.client() as client:
        assert client.handshake(f"/named?a{end}X-Added:%20b").status == 400
        assert backend.accepted() == 0


def test_a_header_that_a_rule_makes_of_the_query_reaches_the_backend(relay):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend, \
            relay.client() as client:
        client.open("/named?a%20b")
        head, = backend.wait_for_scripts(1)
    assert head.headers["X-Name"] == "a b"


# Targets


RULES = {
    "path": "/rule/{}", "unescaped": "/unescaped/{}", "query": "/query/?{}", "kept-query": "/rule/a?{}",
    "unescaped-query": "/unescaped-query/?{}", "unescaped-path": "/unescaped-path/?{}", "proxy-pass": "/plain/{}",
}
ENDS = {"line-end": "%0d%0a", "newline": "%0a", "cr": "%0d", "space": "%20", "nul": "%00", "twice": "%250d%250a"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("target", RULES.values(), ids=RULES)
def test_a_target_that_a_rule_makes_adds_no_line_for_the_backend(relay, target, end):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend, relay.client() as client:
        hidden = f"a{end}HTTP/1.1{end}X-Added:b{end}{end}GET{end}/hidden"
        status = client.handshake(target.format(hidden)).status
        if status != 101:
            assert status in (400, 403, 404) and backend.accepted() == 0
            return
        head, = backend.wait_for_scripts(1)
    assert "X-Added" not in head.headers and len(head.first_line.split(" ")) == 3 and b"\0" not in head.raw, head.raw
    assert head.raw.count(b"HTTP/1.1\r\n") == 1 and head.raw.count(b"\n") == head.raw.count(b"\r\n") == head.raw.count(b"\r")


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_host_that_a_rule_makes_adds_no_line_for_the_backend(relay, end):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend, relay.client() as client:
        status = client.handshake(f"/host/127.0.0.1:{relay.backend_port}{end}X-Added:b").status
        assert status in (400, 403, 404, 500, 503), status  # 500 where no such name is found
        assert backend.accepted() == 0


# Expect


@pytest.mark.parametrize("path", ["/echo", "/plain"], ids=["handler", "relay"])
def test_an_upgrade_that_expects_100_gets_101_and_then_its_sessions_bytes_only(relay, path):
    with relay.websockets_backend(), relay.client() as client:
        response = client.open(path, headers={"Expect": "100-continue"}, extra=frame(TEXT, "hello"))
        assert response.head.first_line.startswith("HTTP/1.1 101 ")
        client.expect_frame(TEXT, "hello")
        client.send_close(1000)
        assert client.expect_close()[0] == 1000
        client.read_eof()


@pytest.mark.parametrize("interim", [0, 1, 2])
def test_a_backend_that_says_100_first_has_its_session(relay, interim):
    def script(connection):
        head = connection.read_head()
        connection.send(interim * b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.accept(head)
        connection.expect_frame(TEXT, "hello")
        return head

    with relay.scripted_backend(script) as backend, relay.client() as client:
        assert client.open("/plain", headers={"Expect": "100-continue"}).status == 101
        client.send_frame(TEXT, "hello")
        backend.wait_for_scripts(1)


def test_what_else_is_expected_is_refused(relay, nobody, path):
    with relay.client() as client:
        assert client.handshake(path, {"Expect": "200-ok"}).status == 417


def test_bytes_of_a_session_are_no_request(relay):
    """What looks like HTTP in frames stays in frames, whichever side sends it."""
    with relay.session() as (client, backend):
        hidden = request_for("/hidden", client.host).decode()
        client.send_frame(TEXT, hidden)
        backend.expect_frame(TEXT, hidden)
        backend.send(frame(TEXT, hidden, mask=False))
        client.expect_frame(TEXT, hidden)
