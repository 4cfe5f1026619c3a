"""The recipes in conf/ that say which requests go to which backend."""

import pytest

from support.frames import TEXT
from support.recipes import answering, ask
from support.scripted_backend import ScriptedBackend
from support.websockets_backend import WebsocketsBackend
from support.ws_client import exchange

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\na page"
RELAYED = r"ws:debug.*relayed to {}"


@pytest.fixture
def two_backends():
    """two_backends(site): contexts of the backends "one" and "other" at its two ports."""
    return lambda site: (WebsocketsBackend(answering("one"), port=site.ports[0]),
                         WebsocketsBackend(answering("other"), port=site.ports[1]))


def page_or_session(connection):
    """A backend's script: a page for an ordinary request, a session of one message otherwise."""
    head = connection.read_head()
    if "Upgrade" not in head.headers:
        connection.send(PAGE)
    else:
        connection.accept(head)
        connection.expect_frame(TEXT, "hello")
    return head.first_line


def test_each_virtual_host_has_its_backend(recipe, two_backends):
    site = recipe("relay-vhost.conf", {"*:80": "127.0.0.1:${PORT}"})
    one, other = two_backends(site)
    with one, other:
        for host, path, backend in (("chat.example.com", "/chat", one),
                                    ("games.example.com", "/play/7?a=b", other)):
            with site.client() as client:
                client.open(path, headers={"Host": host})
                backend.wait_for_sessions(1)
        with site.client() as client:
            assert client.handshake("/play", {"Host": "chat.example.com"}).status == 404
        assert [one.sessions[0].path, other.sessions[0].path] == ["/", "/lobby/7?a=b"]


def test_a_pattern_makes_the_backends_path(recipe):
    site = recipe("relay-match.conf")
    with WebsocketsBackend(port=site.ports[0]) as backend, site.client() as client:
        assert exchange(site.url("/rooms/7/socket?a=b"), ["hello"]) == ["hello"]
        assert backend.sessions[0].path == "/socket/7?a=b"
        assert client.handshake("/rooms/seven/socket").status == 404


@pytest.mark.parametrize("name, path", [
    ("relay-http.conf", "/app/"), ("relay-rewrite.conf", "/app/"), ("relay-rewrite-http.conf", "/app/")])
def test_one_path_has_pages_and_sockets(recipe, name, path):
    site = recipe(name)
    with ScriptedBackend(page_or_session, port=site.ports[0]) as backend:
        for _ in range(2):
            with site.client() as client:
                assert client.get(f"{path}room%201?a=b&c=d").body == b"a page"
                client.open(f"{path}room%201?a=b&c=d")
                client.send_frame(TEXT, "hello")
        requests = backend.wait_for_scripts(4)
    assert requests == 4 * ["GET /room%201?a=b&c=d HTTP/1.1"]
    site.server.wait_for_log(RELAYED.format(f"(ws|http)://127.0.0.1:{site.ports[0]}"))


def test_any_upgrade_takes_websocket_and_leaves_others_to_mod_proxy(recipe):
    def script(connection):
        head = connection.read_head()
        if head.headers["Upgrade"] == "websocket":
            connection.accept(head)
            connection.expect_frame(TEXT, "hello")
        else:
            connection.send_head("HTTP/1.1 101 Switching Protocols",
                                 {"Upgrade": head.headers["Upgrade"], "Connection": "Upgrade"})
            connection.send(connection.read_exact(5))
        return head.headers["Upgrade"]

    site = recipe("relay-http.conf")
    with ScriptedBackend(script, port=site.ports[1]) as backend:
        with site.client() as client:
            client.open("/tools/socket")
            client.send_frame(TEXT, "hello")
            backend.wait_for_scripts(1)
        with site.client() as client:
            answer = client.handshake("/tools/shell", {"Upgrade": "bytes"},
                                      remove=("Sec-WebSocket-Key", "Sec-WebSocket-Version"))
            assert answer.status == 101
            client.send(b"12345")
            assert client.read_exact(5) == b"12345"
        assert backend.wait_for_scripts(2) == ["websocket", "bytes"]
    assert site.server.error_log().count("relayed to") == 1


def test_a_page_connection_that_the_backend_gives_up_costs_no_session(recipe):
    """mod_proxy_http keeps connections for further pages, and a backend may end one at any time."""
    def script(connection):
        head = connection.read_head()
        if "Upgrade" not in head.headers:
            connection.send(PAGE.replace(b"Connection: close\r\n", b""))
            connection.read_all()  # whatever else is asked here, it is too late
        else:
            connection.accept(head)
            connection.expect_frame(TEXT, "hello")
        return head.first_line

    site = recipe("relay-http.conf")
    with ScriptedBackend(script, port=site.ports[0], timeout=2) as backend, site.client() as client:
        assert client.get("/app/").body == b"a page"
        client.open("/app/socket")
        client.send_frame(TEXT, "hello")
        assert sorted(backend.wait_for_scripts(2)) == ["GET / HTTP/1.1", "GET /socket HTTP/1.1"]


# Variants of the rules that are about

RULES = {
    "condition-without-equals": """
        RewriteCond "%{HTTP:Upgrade}" "websocket" [NC]
        RewriteRule "^/app/(.*)" "ws://127.0.0.1:${BACKEND}/$1" [P,L]""",
    "both-headers": """
        RewriteCond "%{HTTP:Upgrade}" "^WebSocket$" [NC]
        RewriteCond "%{HTTP:Connection}" "upgrade" [NC]
        RewriteRule "/app/(.*)" "ws://127.0.0.1:${BACKEND}/$1" [P]""",
    "before-a-ProxyPass": """
        ProxyPass "/app/" "http://127.0.0.1:${BACKEND}/"
        RewriteCond "%{HTTP:Upgrade}" "=websocket" [NC]
        RewriteRule "^/app/(.*)$" "ws://127.0.0.1:${BACKEND}/$1" [P]""",
    "by-the-query": """
        RewriteCond "%{QUERY_STRING}" "transport=websocket" [NC]
        RewriteRule "^/app/(.*)$" "ws://localhost:${BACKEND}/$1" [P,L]""",
    "worker-of-a-ProxyPass": """
        ProxyPass "/elsewhere/" "http://127.0.0.1:${BACKEND}/" upgrade=websocket
        RewriteRule "^/app/(.*)$" "http://127.0.0.1:${BACKEND}/$1" [P]""",
    "in-a-Location": """
        <Location "/app/">
            RewriteEngine on
            RewriteCond "%{HTTP:Upgrade}" "=websocket" [NC]
            RewriteRule "/app/(.*)$" "ws://127.0.0.1:${BACKEND}/$1" [P]
        </Location>""",
    "to-a-balancer": """
        <Proxy "balancer://nodes">
            BalancerMember "ws://127.0.0.1:${BACKEND}"
        </Proxy>
        RewriteRule "^/app/(.*)$" "balancer://nodes/$1" [P]""",
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_variants_of_the_rules_relay(httpd, rules):
    with WebsocketsBackend() as backend:
        modules = ("rewrite", "proxy_http", "proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
        server = httpd(f"RewriteEngine on\n{rules}", modules=modules,
                       defines={"BACKEND": backend.port})
        path = "/app/socket.io/?EIO=4&transport=websocket"
        assert exchange(server.url(path), ["hello"]) == ["hello"]
        assert backend.sessions[0].path == path.removeprefix("/app")
    server.wait_for_log(RELAYED.format(f"(ws|http)://(127.0.0.1|localhost):{backend.port}"))


def test_a_rule_can_add_to_the_query(httpd):
    with WebsocketsBackend() as backend:
        server = httpd("""RewriteEngine on
            RewriteRule "^/app/(.*)$" "ws://127.0.0.1:${BACKEND}/$1?from=rule" [P,QSA]""",
                       modules=("rewrite",), defines={"BACKEND": backend.port})
        assert exchange(server.url("/app/a%20b?c=%20d"), ["hello"]) == ["hello"]
        assert backend.sessions[0].path == "/a%20b?from=rule&c=%20d"


# unix: sockets


def test_a_unix_socket_is_a_backend(recipe, open_directory):
    path = open_directory / "chat.sock"
    with WebsocketsBackend(answering("one"), unix=path) as backend:
        site = recipe("relay-unix.conf", {"/run/chat.sock": path})
        assert ask(site.url("/chat/room?a=b")) == "one"
        assert backend.sessions[0].path == "/room?a=b"
        assert backend.sessions[0].headers["Host"] == "localhost"
    site.server.wait_for_log(RELAYED.format(rf"unix:{path}\|ws://localhost"))


def test_a_rule_can_name_a_unix_socket(httpd, open_directory):
    path = open_directory / "chat.sock"
    with WebsocketsBackend(answering("one"), unix=path) as backend:
        server = httpd(f"""RewriteEngine on
            RewriteRule "^/chat/(.*)$" "unix:{path}|ws://backend.example/$1" [P]""",
                       modules=("rewrite",))
        assert ask(server.url("/chat/room?a=b")) == "one"
        assert backend.sessions[0].path == "/room?a=b"
    server.wait_for_log(RELAYED.format(rf"unix:{path}\|ws://backend.example,"))


def test_a_missing_unix_socket_gives_503_and_is_named(recipe, open_directory):
    path = open_directory / "chat.sock"
    site = recipe("relay-unix.conf", {"/run/chat.sock": path})
    with site.client() as client:
        assert client.handshake("/chat").status == 503
    site.server.wait_for_log(rf"ws:error.*backend unix:{path}\|ws://localhost: no connection")
