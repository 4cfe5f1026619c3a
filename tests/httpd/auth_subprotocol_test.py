"""WebSocketAuthSubprotocol: tokens that browsers cannot put in a header."""

import base64
import hashlib

import pytest

from support.raw_client import RawClient
from support.relay import Relay
from support.ws_client import exchange

TOKEN = "top-secret.token_of~somebody"
PREFIX = "bearer."
# By its hash: httpd logs the expression.
REQUIRED = hashlib.sha1(f"Bearer {TOKEN}".encode()).hexdigest()
CONFIG = f"""
<Location "/">
    WebSocketHandler echo
    WebSocketSubprotocol chat
    WebSocketAuthSubprotocol bearer.
    Require expr "sha1(%{{HTTP:Authorization}}) == '{REQUIRED}'"
</Location>
<Location "/basic">
    AuthType Basic
    AuthName somewhere
    AuthBasicProvider file
    AuthUserFile "${{ROOT}}/users"
    Require valid-user
</Location>
<Location "/other">
    WebSocketAuthSubprotocol other.
</Location>
<Location "/plain">
    WebSocketHandler none
</Location>
<Location "/none">
    WebSocketAuthSubprotocol none
    Require all granted
</Location>
# The mean one: the header itself.
LogFormat "%h %r %>s %{{Sec-WebSocket-Protocol}}i" all
CustomLog "${{ROOT}}/access.log" all
ForensicLog "${{ROOT}}/forensic.log"
"""
MODULES = ("log_forensic", "authz_user", "authn_core", "authn_file", "auth_basic")


def encoded(token):
    token = token.encode() if isinstance(token, str) else token
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def offer(*subprotocols):
    return {"Sec-WebSocket-Protocol": ", ".join(subprotocols)}


GOOD = PREFIX + encoded(TOKEN)


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    """Everything that can be logged is."""
    return Relay(module_httpd, CONFIG, modules=MODULES, log_level="trace8")


@pytest.fixture
def handshake(relay):
    def handshake(path, headers):
        with RawClient("127.0.0.1", relay.server.port) as client:
            return client.handshake(path, headers=headers)
    yield handshake
    root = relay.server.config.root
    logs = relay.server.error_log() + (root / "access.log").read_text() + \
        (root / "forensic.log").read_text()
    assert encoded(TOKEN) not in logs
    assert TOKEN not in logs


@pytest.mark.parametrize("subprotocols", [(GOOD, "chat"), ("chat", GOOD), ("chat", "more", GOOD)])
def test_a_token_opens_the_way_to_a_handler(handshake, subprotocols):
    response = handshake("/echo", offer(*subprotocols))
    assert response.status == 101
    assert response.headers["Sec-WebSocket-Protocol"] == "chat"


def test_a_token_alone_is_never_echoed(handshake):
    response = handshake("/echo", offer(GOOD))
    assert response.status == 101
    assert "Sec-WebSocket-Protocol" not in response.headers


def test_another_token_does_not(handshake):
    assert handshake("/echo", offer("chat", PREFIX + encoded("another"))).status == 403
    assert handshake("/echo", offer("chat")).status == 403
    assert handshake("/echo", {}).status == 403


def test_a_token_replaces_what_the_browser_sent_by_itself(handshake):
    credentials = base64.b64encode(b"user:password").decode()
    headers = {**offer(GOOD, "chat"), "Authorization": f"Basic {credentials}"}
    assert handshake("/echo", headers).status == 101


def test_basic_authentication_asks_for_its_own(handshake):
    response = handshake("/basic", offer(GOOD, "chat"))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="somewhere"'


@pytest.mark.parametrize("tokens", [
    ("",), ("!",), ("A",), (encoded("token") + "=",), (encoded("token") + "==",), ("Zh",),
    ("top.secret",), ("+/+/",), (encoded("a b"),), (encoded("a\r\nX-Injected: b"),),
    (encoded("a\0b"),), (encoded("a\x7fb"),), (encoded(b"a\xffb"),), (encoded("\t"),),
    (encoded(TOKEN), encoded(TOKEN)), (encoded(TOKEN), encoded("another"))],
    ids=lambda tokens: ",".join(tokens) or "empty")
def test_a_bad_token_gets_400(handshake, wait_for_log, tokens):
    offered = offer("chat", *(PREFIX + token for token in tokens))
    assert handshake("/echo", offered).status == 400
    wait_for_log(r"ws:info.*refused with 400: .* offered with the prefix bearer\.")


def test_the_prefix_is_the_locations(handshake):
    another = PREFIX + encoded("another")
    assert handshake("/other", offer(another, "chat")).status == 403
    assert handshake("/other", offer("other." + encoded(TOKEN), "chat")).status == 101


def test_none_undoes_an_outer_prefix(handshake):
    response = handshake("/none", offer(PREFIX + "!", "chat"))
    assert response.status == 101


def test_ordinary_requests_stay_as_they_are(relay):
    with RawClient("127.0.0.1", relay.server.port) as client:
        assert client.get("/echo").status == 403


def test_a_backend_gets_the_header_and_not_the_subprotocol(relay, handshake):
    with relay.scripted_backend(
            lambda connection: connection.accept_websocket({"Sec-WebSocket-Protocol": "chat"})) as backend:
        response = handshake(relay.path(), {**offer("chat", GOOD), "Authorization": "Basic x"})
        assert response.status == 101
        assert response.headers["Sec-WebSocket-Protocol"] == "chat"
        head, = backend.wait_for_scripts(1)
    assert head.headers["Authorization"] == f"Bearer {TOKEN}"
    assert head.headers["Sec-WebSocket-Protocol"] == "chat"


def test_a_backend_that_was_offered_nothing_may_choose_nothing(relay, handshake):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend:
        assert handshake(relay.path(), offer(GOOD)).status == 101
        head, = backend.wait_for_scripts(1)
    assert "Sec-WebSocket-Protocol" not in head.headers


def test_a_session_with_a_token_works(relay):
    url = relay.server.url("/echo")
    assert exchange(url, ["hello"], subprotocols=["chat", GOOD]) == ["hello"]
