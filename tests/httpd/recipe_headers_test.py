"""The recipes in conf/ about what the backend is told, and what the client sees of its 101."""

import pytest

from support.scripted_backend import ScriptedBackend


@pytest.fixture
def site(recipe):
    return recipe("relay-headers.conf")


def asked(site, path, headers=None, preface=b""):
    """The head of the opening request that reaches the backend."""
    with ScriptedBackend(lambda connection: connection.accept_websocket(), port=site.ports[0]) \
            as backend, site.client() as client:
        client.send(preface)
        client.open(path, headers=headers)
        head, = backend.wait_for_scripts(1)
    return head


def opened(site, path, answer):
    """The 101 that the client gets when the backend's has the headers `answer`."""
    with ScriptedBackend(lambda connection: connection.accept_websocket(answer),
                         port=site.ports[0]), site.client() as client:
        return client.open(path)


# What the backend is told


def test_the_backend_sees_the_clients_host_and_address(site):
    head = asked(site, "/chat/room", {"Host": "chat.example.com", "X-Internal-User": "root"})
    assert head.first_line == "GET /inside/room HTTP/1.1"
    assert head.headers["Host"] == "chat.example.com"
    assert head.headers["X-Forwarded-Host"] == "chat.example.com"
    assert head.headers["X-Forwarded-For"] == "127.0.0.1"
    assert head.headers["X-Forwarded-Server"] == "localhost"


def test_request_headers_are_set_and_unset(site):
    head = asked(site, "/chat", {"X-Internal-User": "root", "X-Forwarded-Proto": "gopher"})
    assert head.values("X-Forwarded-Proto") == ["http"]
    assert "X-Internal-User" not in head.headers


def test_the_backend_learns_nothing_with_proxy_add_headers_off(site):
    head = asked(site, "/anonymous", {"Host": "chat.example.com"})
    assert head.headers["Host"] == f"127.0.0.1:{site.ports[0]}"
    assert not {"x-forwarded-for", "x-forwarded-host", "x-forwarded-server"} & set(head.headers)


# What the client sees


def test_header_rules_hold_for_the_101(site):
    response = opened(site, "/chat", {"Server-Version": "3.1", "X-Kept": "yes"})
    assert response.headers["X-Served-By"] == "relay"
    assert response.headers["X-Kept"] == "yes"
    assert "Server-Version" not in response.headers


def test_cookies_of_the_101_are_for_the_public_path_and_domain(site):
    response = opened(site, "/chat", {
        "Set-Cookie": "a=1; Path=/inside; HttpOnly\r\nSet-Cookie: b=2; Domain=backend.internal"})
    assert [cookie.lower() for cookie in response.head.values("Set-Cookie")] == [
        "a=1; path=/chat; httponly", "b=2; domain=chat.example.com"]


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
def test_addresses_in_the_101_are_public(site, name):
    response = opened(site, "/chat", {name: f"ws://127.0.0.1:{site.ports[0]}/inside/room?a=b"})
    assert response.headers[name] == f"http://127.0.0.1:{site.server.port}/chat/room?a=b"


def test_a_redirect_instead_of_a_101_is_public(site):
    def script(connection):
        connection.read_head()
        connection.send_head("HTTP/1.1 307 Elsewhere", {
            "Location": f"ws://127.0.0.1:{site.ports[0]}/inside/2", "Content-Length": "0"})
    with ScriptedBackend(script, port=site.ports[0]), site.client() as client:
        response = client.handshake("/chat/1")
    assert response.status == 307
    assert response.headers["Location"] == f"http://127.0.0.1:{site.server.port}/chat/2"


# mod_remoteip


def test_the_client_is_who_the_load_balancer_says(recipe):
    site = recipe("relay-remoteip.conf")
    head = asked(site, "/chat", {"X-Forwarded-For": "203.0.113.7, 10.1.2.3"})
    assert head.values("X-Forwarded-For") == ["203.0.113.7"]
    site.server.wait_for_log("ws:debug.*client 203.0.113.7(:[0-9]+)? /chat: relayed to ")


def test_access_rules_see_that_client(recipe):
    site = recipe("relay-remoteip.conf", modules=("authz_host",),
                  extra='<Location "/chat">\nRequire ip 203.0.113.0/24\n</Location>')
    with ScriptedBackend(lambda connection: connection.accept_websocket(), port=site.ports[0]):
        for address, status in (("203.0.113.7", 101), ("198.51.100.1", 403)):
            with site.client() as client:
                answer = client.handshake("/chat", {"X-Forwarded-For": address})
                assert answer.status == status


def test_the_proxy_protocol_tells_the_client_too(recipe):
    site = recipe("relay-remoteip.conf", {"RemoteIPHeader X-Forwarded-For": "RemoteIPProxyProtocol on",
                                          "RemoteIPInternalProxy": "# RemoteIPInternalProxy"})
    head = asked(site, "/chat", preface=b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n")
    assert head.values("X-Forwarded-For") == ["203.0.113.7"]
    site.server.wait_for_log("ws:debug.*client 203.0.113.7:4711 /chat: relayed to ")
