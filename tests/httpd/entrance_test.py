"""Who gets in: httpd's authentication comes before any session or backend, and what is not opened is closed.

What is shown elsewhere:

| point | test |
|---|---|
| origins, of handlers, relays and what handlers say | upgrade_handler_test.py, proxy_scheme_test.py, handlers_test.py, http2_test.py, conf_test.py |
| patterns of origins | tests/protocol/origin_rules_test.cc |
| tokens that pages offer as a subprotocol | auth_subprotocol_test.py |
| who closes sessions, frames the status page, publishes from another site | status_test.py, channels_test.py |
| a wrong certificate, of either side's | recipe_tls_test.py, proxy_scheme_test.py |
| requests, answers and headers hidden in an upgrade | smuggling_test.py |
| a backend's false handshake | backend_handshake_test.py, bad_backend_test.py |
| what a configuration writes into a 101 | upgrade_handler_test.py |
| what the logs keep to themselves | secrets_test.py |
"""

import pytest

from support.frames import TEXT
from support.http_head import head_bytes
from support.raw_client import RawClient
from support.relay import Relay
from support.status import MODULES

CONFIG = """
WebSocketMaxConnections 1
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/status">
    SetHandler websocket-status
</Location>
<Location "/publish">
    SetHandler websocket-publish
</Location>
<Proxy "balancer://backends">
    BalancerMember "ws://127.0.0.1:${BACKEND_PORT}"
</Proxy>
ProxyPass "/balanced" "balancer://backends"
ProxyPass "/bytes" "tcp://127.0.0.1:${BACKEND_PORT}"
ProxyPass "/pages" "http://127.0.0.1:${BACKEND_PORT}" upgrade=websocket
<Location "/">
    AuthType Basic
    AuthName somewhere
    AuthBasicProvider file
    AuthUserFile "${USERS}"
    Require valid-user
</Location>
"""
BALANCER = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
RELAYS = ("/plain", "/balanced", "/bytes", "/pages")
PATHS = ("/echo", "/status", *RELAYS)


@pytest.fixture
def guarded(httpd, status_users):
    """A relay where everything wants a password."""
    relay = Relay(lambda config, **options: httpd(config, **{
        **options, "defines": {**options["defines"], "USERS": status_users.file}}),
        CONFIG, modules=(*MODULES, *BALANCER))
    return relay


def handshake(relay, path, headers=None):
    with relay.client() as client:
        return client.handshake(path, headers)


def test_without_a_password_there_is_no_session_no_place_and_no_backend(guarded, status_users):
    """One session is allowed in all, and a refused handshake holds no place of it."""
    wrong = {"Authorization": "Basic YWRtaW46d3Jvbmc="}
    with guarded.scripted_backend(lambda connection: None) as backend:
        for path in PATHS:
            for headers in ({}, wrong, {"Origin": "http://elsewhere.example"}, {"Sec-WebSocket-Version": "12"}):
                response = handshake(guarded, path, headers)
                assert (response.status, path) == (401, path)
                assert response.headers["WWW-Authenticate"] == 'Basic realm="somewhere"'
        assert backend.accepted() == 0
    assert handshake(guarded, "/echo", status_users.headers).status == 101


@pytest.mark.parametrize("path", ["/echo", "/plain", "/balanced", "/pages"])
def test_with_the_password_there_is_one(guarded, status_users, path):
    with guarded.websockets_backend(), guarded.client() as client:
        client.open(path, headers=status_users.headers)
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")


@pytest.mark.parametrize("path", PATHS)
def test_who_is_denied_reaches_no_backend(httpd, path):
    relay = Relay(httpd, CONFIG.partition('<Location "/">')[0] +
                  '<Location "/">\nRequire all denied\n</Location>', modules=BALANCER)
    with relay.scripted_backend(lambda connection: None) as backend:
        assert handshake(relay, path).status == 403
        assert backend.accepted() == 0


# What nobody has opened


@pytest.fixture(scope="module")
def bare(module_httpd):
    """mod_ws and its handlers are loaded; the configuration says nothing of them, but lets .htaccess files do what it may."""
    server = module_httpd('<Directory "${ROOT}/htdocs">\nAllowOverride All\n</Directory>')
    server.publish("page", "a page")
    return server


def ask(server, method, target, headers=None, body=b""):
    with RawClient("127.0.0.1", server.port) as client:
        fields = {"Host": client.host, "Content-Length": str(len(body)), **(headers or {})}
        client.send(head_bytes(f"{method} {target} HTTP/1.1", fields) + body)
        return client.read_response()


@pytest.mark.parametrize("path", ["/echo", "/ws-status", "/websocket-status", "/publish", "/websocket-publish"])
def test_nothing_is_there_by_default(bare, path):
    with RawClient("127.0.0.1", bare.port) as client:
        assert client.handshake(path).status == 404
    assert ask(bare, "GET", f"{path}?json").status == 404
    assert ask(bare, "POST", f"{path}/room", body=b"to all").status == 404


def test_a_page_is_no_socket(bare):
    with RawClient("127.0.0.1", bare.port) as client:
        assert client.handshake("/page").status == 200
        assert client.get("/page").body == b"a page"


@pytest.mark.parametrize("line", ["WebSocketHandler echo", "WebSocketOrigin any", "WebSocketMaxConnections off"])
def test_htaccess_opens_no_handler_and_lifts_no_rule(bare, line):
    folder = bare.config.htdocs / "own"
    folder.mkdir(exist_ok=True)
    (folder / ".htaccess").write_text(f"{line}\n")
    with RawClient("127.0.0.1", bare.port) as client:
        assert client.handshake("/own/").status == 500
    bare.wait_for_log(f"{line.split()[0]} not allowed here")


# Pages of other sites


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1", "http://127.0.0.1.elsewhere.example"])
def test_the_status_pages_session_is_for_its_own_site(httpd, origin):
    server = httpd('<Location "/status">\nSetHandler websocket-status\n</Location>')
    with RawClient("127.0.0.1", server.port) as client:
        assert client.handshake("/status", {"Origin": origin}).status == 403
        client.open("/status", headers={"Origin": f"http://{client.host}"})


def test_two_origins_are_none_that_is_allowed(httpd):
    server = httpd('<Location "/echo">\nWebSocketHandler echo\n</Location>')
    with RawClient("127.0.0.1", server.port) as client:
        own = f"Origin: http://{client.host}\r\n"
        for lines in (own + own, own + "Origin: http://elsewhere.example\r\n"):
            client.send(client.handshake_bytes("/echo")[:-2] + f"{lines}\r\n".encode())
            assert client.read_response().status == 403


@pytest.mark.parametrize("target", ["/status", "/status?json", "/status?metrics", "/publish/room"])
def test_no_other_site_may_read_what_is_answered(httpd, target):
    server = httpd(CONFIG.partition("<Proxy")[0])
    response = ask(server, "GET", target, {"Origin": "http://elsewhere.example"})
    assert response.status == 200
    assert "Access-Control-Allow-Origin" not in response.headers
