"""Handlers: which modules offer them, what they may say to a request, what they know of it."""

import json

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.raw_client import RawClient

CONFIG = load_handlers("members", "c_echo", "json") + """
<Location "/facts">
    WebSocketHandler facts
    WebSocketHandlerOption greeting outer
    WebSocketHandlerOption color blue
</Location>
<Location "/facts/inner">
    WebSocketHandlerOption greeting inner
</Location>
<Location "/choosy">
    WebSocketHandler choosy
    WebSocketSubprotocol v0
</Location>
<Location "/json">
    WebSocketHandler adder
</Location>
<Location "/c">
    WebSocketHandler c_echo
</Location>
"""
FRIEND = {"Origin": "https://friend.example"}


@pytest.fixture(scope="module")
def module_server(module_httpd):
    return module_httpd(CONFIG)


@pytest.fixture
def server(module_server):
    with module_server.shared() as server:
        yield server


@pytest.fixture
def client(server):
    with RawClient("127.0.0.1", server.port) as client:
        yield client


def ask(client, question):
    client.send_frame(TEXT, question)
    return client.read_frame().payload.decode()


def test_know_the_headers_they_keep(client):
    client.open("/facts?a=1&b=two%20words+here&a=3&=x", headers={
        "X-Kept": "kept", "X-Other": "dropped", "Cookie": "first=1; session=abc; last="})
    assert ask(client, "header x-kept") == "kept"
    assert ask(client, "header X-Other") == "nothing"
    assert [ask(client, f"cookie {name}") for name in ("first", "session", "last", "none")] == ["1", "abc", "", "nothing"]
    assert [ask(client, f"query {name}") for name in ("a", "b", "c")] == ["1", "two words here", "nothing"]


def test_have_options_of_their_section_and_those_around(client):
    client.open("/facts/inner")
    assert [ask(client, f"option {name}") for name in ("greeting", "color", "none")] == ["inner", "blue", "nothing"]


def test_decide_on_origins(server):
    for headers, status in ((FRIEND, 101), ({"Origin": "https://evil.example"}, 403), ({}, 403)):
        with RawClient("127.0.0.1", server.port) as client:
            assert client.handshake("/choosy", headers=headers).status == status


def test_add_headers_to_the_answer_but_none_of_the_handshakes(client, server):
    response = client.open("/choosy", headers={**FRIEND, "Sec-WebSocket-Protocol": "v0, v1, v2"})
    assert response.headers.get("X-Handler") == "nobody"
    assert response.headers.get("X-Evil") is None and response.headers.get("X-Split") is None
    assert response.headers.get("Sec-WebSocket-Protocol") == "v2"
    server.wait_for_log("ws:error.*the handler may not add the header X-Split")


def test_refuse_with_a_status_and_a_body(server):
    for query, status, body in (("refuse=402&body=pay", 402, b"pay"), ("refuse=410", 410, None), ("refuse=200", 500, None)):
        with RawClient("127.0.0.1", server.port) as client:
            response = client.handshake(f"/choosy?{query}", headers=FRIEND)
            assert response.status == status
            assert body is None or response.body == body


def test_tighten_the_limits_of_their_section(client):
    offer = {**FRIEND, "Sec-WebSocket-Extensions": "permessage-deflate"}
    assert client.open("/choosy", headers=offer).headers.get("Sec-WebSocket-Extensions") is None
    client.send_frame(TEXT, "x" * 101)
    assert client.expect_close()[0] == 1009


def test_may_be_written_in_c(server):
    with RawClient("127.0.0.1", server.port) as client, RawClient("127.0.0.1", server.port) as other:
        for one in (client, other):
            one.open("/c?x")
            one.expect_frame(TEXT, "/c?x")
        client.send_frame(TEXT, "twice")
        client.expect_frame(TEXT, "twice")
        client.expect_frame(TEXT, "twice")
        client.send_frame(TEXT, "!for all")
        for one in (client, other):
            one.expect_frame(TEXT, "for all")
        client.send_frame(TEXT, "close")
        assert client.expect_close() == (4000, "as you say")
        client.send_close(4000)
        other.expect_frame(TEXT, "gone 4000")


def test_speak_json(client):
    client.open("/json")
    assert json.loads(ask(client, '{"add": [1, 2.5]}')) == {"sum": 3.5}
    client.send_frame(TEXT, '{"add": ')
    assert client.expect_close() == (1007, "not JSON")


@pytest.mark.parametrize("name, complaint", [
    ("from_the_past", "its module was built for version 1 of mod_ws's handler interface, and this mod_ws has version 4"),
    ("nosuch", "no loaded module has a handler of that name")])
def test_of_another_interface_are_refused_at_the_start(check_config, name, complaint):
    status, message = check_config(load_handlers("c_echo") + f'<Location "/x">\nWebSocketHandler {name}\n</Location>')
    assert status != 0
    assert f"WebSocketHandler {name}: {complaint}" in message
