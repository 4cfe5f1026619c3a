"""Connections with a filter that changes their bytes: bridged sessions over HTTP/1.1."""

import select
from contextlib import suppress

import pytest

from support import processes
from support.flooding import flood
from support.frames import BINARY, CLOSE, TEXT
from support.mangled import MANGLE, MangledClient
from support.relay import Relay
from support.waiting import wait_until

ECHO = MANGLE + """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


def echo(client, text="hello"):
    client.send_frame(TEXT, text)
    client.expect_frame(TEXT, text)


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_handler_has_sessions_behind_a_filter(httpd, mpm):
    server = httpd(ECHO, mpm=mpm)
    with MangledClient(server.port) as client:
        client.open("/echo")
        echo(client)
        client.send_frame(BINARY, bytes(300_000))
        client.expect_frame(BINARY, bytes(300_000))
        client.send_close(1000)
        assert client.expect_close()[0] == 1000
        client.read_eof()
    server.wait_for_log("ws:debug.*a session of handler echo")


def test_the_log_says_why_and_what_it_costs(httpd):
    server = httpd(ECHO, log_level="info")
    with MangledClient(server.port) as client:
        client.open("/echo")
        server.wait_for_log("ws:info.*/echo: bridged, so that the session holds a thread of this child and ends with the child: "
                            "the connection filter mangle may change its bytes")


def test_a_backend_is_relayed_behind_a_filter(httpd):
    relay = Relay(httpd, MANGLE)
    with relay.websockets_backend(), MangledClient(relay.server.port) as client:
        client.open(relay.path())
        echo(client)
        client.send_close(1000)
        assert client.expect_close()[0] == 1000


def refuse(connection):
    connection.read_head()
    connection.send_head("HTTP/1.1 403 Forbidden", {"Content-Length": "0"})


def test_a_refusal_by_the_backend_passes_a_filter(httpd):
    relay = Relay(httpd, MANGLE)
    with relay.scripted_backend(refuse), MangledClient(relay.server.port) as client:
        assert client.handshake(relay.path()).status == 403


def test_a_client_is_heard_while_the_backend_never_stops(httpd):
    relay = Relay(httpd, MANGLE)

    def flood(connection):
        connection.accept_websocket()
        while not select.select([connection.socket], [], [], 0)[0]:
            connection.send_frame(BINARY, bytes(10_000))
        connection.expect_frame(TEXT, "enough")
        connection.send_close(1000)

    with relay.scripted_backend(flood), MangledClient(relay.server.port) as client:
        client.open(relay.path())
        for _ in range(20):
            client.read_frame()
        client.send_frame(TEXT, "enough")
        while client.read_frame().opcode != CLOSE:
            pass


def test_a_balancers_other_member_is_asked(httpd):
    relay = Relay(httpd, MANGLE + """
<Proxy "balancer://members">
    BalancerMember "ws://127.0.0.1:1"
    BalancerMember "ws://127.0.0.1:${BACKEND_PORT}" status=+H
</Proxy>
ProxyPass "/balanced" "balancer://members"
""", modules=("proxy_balancer", "lbmethod_byrequests", "slotmem_shm"))
    with relay.websockets_backend(), MangledClient(relay.server.port) as client:
        client.open("/balanced")
        echo(client)


@pytest.mark.parametrize("prepare", [echo, flood], ids=["idle", "blocked"])
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_stop_ends_bridged_sessions_and_leaves_no_process(httpd, mpm, prepare):
    server = httpd(f"""WebSocketLog sessions.log "%{{code}}W"
WebSocketCloseTimeout 1s
WebSocketWriteTimeout 1s
{ECHO}""", mpm=mpm)
    with MangledClient(server.port) as client:
        client.open("/echo")
        prepare(client)
        children = server.children()
        server.stop()
        with suppress(ConnectionResetError):
            client.read_all()
        assert [processes.parent_of(child) for child in children] == len(children) * [None]
        assert (server.config.root / "sessions.log").read_text() in ("1001\n", "1006\n")


def test_a_lost_client_is_lost_to_the_session(httpd):
    server = httpd(f'WebSocketLog sessions.log "%{{code}}W %{{side}}W"\n{ECHO}')
    with MangledClient(server.port) as client:
        client.open("/echo")
        echo(client)
    log = server.config.root / "sessions.log"
    wait_until(lambda: log.read_text() == "1006 client\n", log.read_text)


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_graceful_restart_closes_bridged_sessions_with_1001(httpd, mpm):
    server = httpd(ECHO, mpm=mpm)
    with MangledClient(server.port) as client:
        client.open("/echo")
        echo(client)
        server.graceful()
        assert client.expect_close()[0] == 1001
        client.send_close(1001)
        client.read_eof()
