"""Which requests are relayed, and over what kind of connection to the backend."""

import pytest

from support.certificate import make_certificate
from support.frames import TEXT
from support.node import run_node_client
from support.ports import free_ports
from support.relay import Relay
from support.websockets_backend import WebsocketsBackend
from support.ws_client import exchange

MESSAGES = ["text \u20ac", b"binary \x00\xff", "", bytes(100000)]
RELAYED = "ws:debug.*relayed to {}"

PROXY_PASSES = {
    "ProxyPass": ((), 'ProxyPass "/chat" "ws://127.0.0.1:${BACKEND_PORT}/path"'),
    "Location": ((), """
        <Location "/chat">
            ProxyPass "ws://127.0.0.1:${BACKEND_PORT}/path"
        </Location>"""),
    "ProxyPassMatch": ((), 'ProxyPassMatch "^/chat(.*)$" "ws://127.0.0.1:${BACKEND_PORT}/path$1"'),
    "upgrade=websocket": ((), """
        ProxyPass "/chat" "http://127.0.0.1:${BACKEND_PORT}/path" upgrade=websocket"""),
    "upgrade=ANY": ((), 'ProxyPass "/chat" "http://127.0.0.1:${BACKEND_PORT}/path" upgrade=ANY'),
    "upgrade-beside-proxy_http": (("proxy_http", "proxy_wstunnel"), """
        ProxyPass "/chat" "http://127.0.0.1:${BACKEND_PORT}/path" upgrade=websocket"""),
    "beside-proxy_wstunnel": (("proxy_http", "proxy_wstunnel"), """
        ProxyPass "/chat" "ws://127.0.0.1:${BACKEND_PORT}/path" """),
    "RewriteRule": (("rewrite",), """
        RewriteEngine on
        RewriteRule "^/chat(.*)$" "ws://127.0.0.1:${BACKEND_PORT}/path$1" [P]"""),
    "balancer": (("proxy_balancer", "lbmethod_byrequests", "slotmem_shm"), """
        <Proxy "balancer://backends">
            BalancerMember "ws://127.0.0.1:${BACKEND_PORT}"
            BalancerMember "ws://localhost:${BACKEND_PORT}"
        </Proxy>
        ProxyPass "/chat" "balancer://backends/path" """),
}


@pytest.fixture
def start_relay(httpd):
    """start_relay(config, **options)"""
    return lambda *args, **options: Relay(httpd, *args, **options)


@pytest.mark.parametrize("modules, config", PROXY_PASSES.values(), ids=PROXY_PASSES)
def test_relays(start_relay, modules, config):
    relay = start_relay(config, modules=modules)
    with relay.websockets_backend() as backend:
        for _ in range(2):
            url = relay.server.url("/chat/room%201?a=b&c=%20d")
            assert exchange(url, MESSAGES) == MESSAGES
        assert [session.path for session in backend.sessions] == 2 * ["/path/room%201?a=b&c=%20d"]
    relay.server.wait_for_log(RELAYED.format(""))


def test_relays_over_tls(relay, legs, wait_for_log):
    tls, backend_tls = legs
    with relay.websockets_backend(tls=backend_tls) as backend:
        url = relay.server.url(f"{relay.path(backend_tls)}/room?a=b", tls)
        assert exchange(url, MESSAGES) == MESSAGES
        assert backend.sessions[0].path == "/room?a=b"
    wait_for_log(RELAYED.format(relay.worker(backend_tls)))


@pytest.mark.parametrize("backend_tls", [False, True], ids=["plain", "tls"])
def test_relays_to_node_clients_messages(relay, tls, backend_tls):
    sizes = (0, 125, 126, 65535, 65536, 1000000)
    with relay.websockets_backend(tls=backend_tls):
        result = run_node_client(relay.url(tls, backend_tls), 12, sizes, binary=True, close=4001)
    assert (result["messages"], result["bytes"]) == (12, 2 * sum(sizes))


def test_relays_to_a_unix_socket(httpd, open_directory):
    path = open_directory / "backend.sock"
    with WebsocketsBackend(unix=path) as backend:
        server = httpd(f'ProxyPass "/chat" "{backend.url}/path"')
        assert exchange(server.url("/chat/room?a=b"), MESSAGES) == MESSAGES
        assert backend.sessions[0].path == "/path/room?a=b"


@pytest.mark.parametrize("config, path", [
    ("", "/a%25b/%E2%82%AC;x=1"), ("AllowEncodedSlashes NoDecode", "/a%2Fb")])
def test_the_backend_gets_the_path_as_the_client_wrote_it(start_relay, config, path):
    relay = start_relay(config)
    with relay.websockets_backend() as backend:
        assert exchange(relay.server.url(f"/plain{path}"), ["hello"]) == ["hello"]
        assert backend.sessions[0].path == path


@pytest.mark.parametrize("url", ["ws://127.0.0.1:${BACKEND_PORT}",
                                 "http://127.0.0.1:${BACKEND_PORT} upgrade=websocket"])
def test_a_path_cannot_add_headers(start_relay, url):
    relay = start_relay(f'ProxyPass "/chat" {url}')
    with relay.scripted_backend(lambda connection: connection.read_head()) as backend, \
            relay.client() as client:
        client.handshake("/chat/x%20HTTP/1.1%0d%0aX-Added:%20y")
        assert all("X-Added" not in head.headers for head in backend.wait_for_scripts(1))


# TLS to the backend


@pytest.mark.parametrize("directive", ['SSLProxyCACertificateFile "${UNKNOWN}"',
                                       "SSLProxyCheckPeerName on"], ids=["unknown-ca", "name"])
def test_opens_no_session_with_the_wrong_certificate(start_relay, open_directory, tls, directive):
    unknown = make_certificate(open_directory)
    relay = start_relay(directive.replace("${UNKNOWN}", str(unknown.cert)))
    with relay.websockets_backend(tls=True) as backend, relay.client(tls) as client:
        assert client.handshake(relay.path(backend_tls=True)).status == 503
        assert not backend.sessions
    relay.server.wait_for_log("ws:error.*backend wss://.*: TLS did not come about")


# Backends that cannot be reached


def test_an_unreachable_backend_gives_503(relay):
    for _ in range(2):
        with relay.client() as client:
            response = client.handshake(relay.path())
            assert response.status == 503
            assert b"Service Unavailable" in response.body


@pytest.mark.parametrize("document, body", [("/sorry", b"a page"), ('"just text"', b"just text")])
def test_an_error_document_stands_for_the_503(start_relay, document, body):
    relay = start_relay(f"ErrorDocument 503 {document}")
    relay.server.publish("sorry", "a page")
    with relay.client() as client:
        response = client.handshake(relay.path())
        assert (response.status, response.body) == (503, body)


BALANCER = """
<Proxy "balancer://backends">
    BalancerMember "ws://127.0.0.1:${DOWN_PORT}" retry=0
    BalancerMember "ws://127.0.0.1:${BACKEND_PORT}"
</Proxy>
ProxyPass "/balanced" "balancer://backends"
"""


def test_a_balancer_tries_its_next_member(httpd):
    down, port = free_ports(2)
    server = httpd(BALANCER, modules=("proxy_balancer", "lbmethod_byrequests", "slotmem_shm"),
                   defines={"DOWN_PORT": down, "BACKEND_PORT": port})
    with WebsocketsBackend(port=port) as backend:
        for _ in range(10):
            assert exchange(server.url("/balanced/room"), ["hello"]) == ["hello"]
        assert len(backend.sessions) == 10


def test_a_balancer_uses_all_its_members(httpd):
    with WebsocketsBackend() as one, WebsocketsBackend() as other:
        server = httpd(BALANCER, modules=("proxy_balancer", "lbmethod_byrequests", "slotmem_shm"),
                       defines={"DOWN_PORT": one.port, "BACKEND_PORT": other.port})
        for _ in range(6):
            assert exchange(server.url("/balanced"), ["hello"]) == ["hello"]
        assert (len(one.sessions), len(other.sessions)) == (3, 3)


# Requests that are not relayed


def test_serves_a_page_at_the_path_of_a_socket(relay):
    relay.server.publish("plain", "a page")
    with relay.websockets_backend(), relay.client() as client:
        assert client.get(relay.path()).body == b"a page"
        client.open(relay.path())
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")


def test_passes_ordinary_requests_to_the_backend_with_proxy_http(start_relay):
    def script(connection):
        head = connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na page")
        return head.first_line, head.headers.get("Upgrade")
    relay = start_relay(modules=("proxy_http",))
    relay.server.publish("plain", "a page of httpd's own")
    with relay.scripted_backend(script) as backend, relay.client() as client:
        response = client.get("/plain")
        assert (response.status, response.body) == (200, b"a page")
        assert backend.wait_for_scripts(1) == [("GET / HTTP/1.1", None)]


REFUSED = [
    ({"Sec-WebSocket-Key": "short"}, 400), ({"Sec-WebSocket-Version": "12"}, 426),
    ({"Sec-WebSocket-Version": ""}, 400), ({"Connection": "keep-alive"}, 400),
    ({"Content-Length": "5"}, 400), ({"Origin": "http://elsewhere.example"}, 403),
    ({"Origin": "null"}, 403),
]


@pytest.mark.parametrize("headers, status", REFUSED)
def test_refuses_before_the_backend_is_asked(start_relay, headers, status):
    relay = start_relay("WebSocketOrigin same")
    with relay.scripted_backend(lambda connection: None) as backend, relay.client() as client:
        assert client.handshake(relay.path(), headers, extra=b"hello").status == status
        assert backend.accepted() == 0


def test_lets_the_same_origin_in(start_relay):
    relay = start_relay("WebSocketOrigin same")
    with relay.websockets_backend(), relay.client() as client:
        client.open(relay.path(), headers={"Origin": f"http://{client.host}"})


def test_lets_any_origin_in_by_default(relay):
    with relay.websockets_backend() as backend, relay.client() as client:
        client.open(relay.path(), headers={"Origin": "http://elsewhere.example"})
        session, = backend.wait_for_sessions(1)
        assert session.headers["Origin"] == "http://elsewhere.example"
