"""HTTP/2 clients that mean harm: streams that end as soon as they begin, and headers that hide others."""

from contextlib import ExitStack

import pytest

from support.descriptors import descriptors_at_rest, wait_for_descriptors
from support.http2 import ECHO, close, echo, http2
from support.raw_http2 import CANCEL, GOAWAY, HEADERS, RST_STREAM, RawHttp2, http2_frame
from support.relay import Relay
from support.siege import unharmed
from support.status import STATUS, status_of
from support.waiting import wait_until

MIB = 1 << 20
PLACES = 5
CONFIG = f"""
WebSocketMaxBridged {PLACES}
KeepAlive Off
{ECHO}
{STATUS}
"""


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("http2",))


@pytest.fixture
def hostile(relay):
    with RawHttp2(relay.server.tls_port) as client:
        yield client


def count(server, path, what):
    return sum(series[what] for series in status_of(server)["series"] if series["location"] == path)


def wait_for_sessions(server, path, kept):
    """Only those that are kept are left of those at `path`."""
    wait_until(lambda: count(server, path, "sessions") == kept, lambda: f"{kept} sessions, not {count(server, path, 'sessions')}")


def shake_off(server, path, count):
    """So many extended CONNECTs, and RST_STREAMs, every second one behind the answer, on as many connections as it takes: mod_http2
    ends those of clients that reset much."""
    while count > 0:
        with RawHttp2(server.tls_port) as client:
            try:
                while count > 0:
                    count -= 1
                    client.send(client.websocket_request(path))
                    if count % 2 == 0 and client.answer().kind == GOAWAY:
                        break
                    client.send(http2_frame(RST_STREAM, 0, client.last_stream, CANCEL))
            except (OSError, AssertionError):
                pass  # without a word


@pytest.mark.parametrize("path, kept", [("/echo", 1), ("/plain", 0)], ids=["handler", "relay"])
def test_streams_that_are_reset_at_once_leave_nothing(relay, path, kept):
    server = relay.server
    with relay.websockets_backend(), http2(server) as other, other.open("/echo") as stream:
        with unharmed(server, 32 * MIB):
            shake_off(server, path, 100)  # what the first ones need stays
        wait_for_sessions(server, path, kept)
        child, = server.children()
        before, begun = descriptors_at_rest(child), count(server, path, "begun")
        with unharmed(server, 32 * MIB) as check, http2(server) as visitor:
            for _ in range(4):
                shake_off(server, path, 500)
                assert visitor.get("/page") == 200
                echo(stream)
                check()
        wait_for_sessions(server, path, kept)
        wait_for_descriptors(child, before)
        assert count(server, path, "begun") > begun  # how many depends on how soon a place is free again
        with ExitStack() as stack:
            for each in [stack.enter_context(other.open(path)) for _ in range(PLACES - 1)]:
                echo(each)
                close(each)


HIDING = {
    "line-end": [("x-one", "a\r\nx-added: b")],
    "newline": [("x-one", "a\nx-added: b")],
    "nul": [("x-one", "a\0x-added: b")],
    "in-a-name": [("x-one: a\r\nx-added", "b")],
    "space-in-a-name": [("x-added ", "b")],
    "upper-case": [("X-Added", "b")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "connection": [("connection", "x-added"), ("x-added", "b")],
    "upgrade": [("upgrade", "h2c")],
    "body": [("content-length", "5")],
    "subprotocol": [("sec-websocket-protocol", "a\r\nx-added: b")],
}
TARGETS = {
    "line-end": "/plain HTTP/1.1\r\nx-added: b\r\n\r\n",
    "newline": "/plain\nx-added: b",
    "space": "/plain x-added: b",
    "query": "/plain?a\r\nx-added: b",
}
FORBIDDEN = ("x-added", "transfer-encoding", "content-length")


def test_a_field_over_http2_reaches_the_backend(relay, hostile):
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend:
        hostile.send(hostile.websocket_request("/plain", [("x-added", "b")]))
        head, = backend.wait_for_scripts(1)
    assert head.headers["x-added"] == "b"


def expect_nothing_hidden(relay, client, request):
    """It is refused; or the backend gets one request, without what was hidden."""
    with relay.scripted_backend(lambda connection: connection.accept_websocket()) as backend:
        client.send(request)
        answer = client.answer()
        assert answer.kind in (HEADERS, RST_STREAM), answer
        if not backend.accepted():
            return
        head, = backend.wait_for_scripts(1)
    assert not [name for name in FORBIDDEN if name in head.headers], head.raw
    assert head.values("Upgrade") == ["websocket"], head.raw


@pytest.mark.parametrize("fields", HIDING.values(), ids=HIDING)
def test_a_field_over_http2_hides_none_from_the_backend(relay, hostile, fields):
    expect_nothing_hidden(relay, hostile, hostile.websocket_request("/plain", fields))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_over_http2_hides_no_field_from_the_backend(relay, hostile, target):
    expect_nothing_hidden(relay, hostile, hostile.websocket_request(target))


@pytest.mark.parametrize("name", [":authority", ":scheme", ":protocol"])
def test_what_else_leads_a_request_over_http2_hides_no_field_from_the_backend(relay, hostile, name):
    value = {":authority": hostile.authority, ":scheme": "https", ":protocol": "websocket"}[name]
    leads = {name: f"{value}\r\nx-added: b"}
    expect_nothing_hidden(relay, hostile, hostile.websocket_request("/plain", **leads))
