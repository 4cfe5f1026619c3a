"""How many sessions may be bridged, and that their places come back: WebSocketMaxBridged."""

from contextlib import ExitStack

import pytest

from support.http2 import ECHO, close, echo, http2
from support.mangled import MANGLE, MangledClient
from support.relay import Relay
from support.waiting import wait_until

MANGLED_ECHO = MANGLE + """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


def wait_for_place(server, connection):
    def opens():
        with connection.connect("/echo") as stream:
            return stream.status == 200
    wait_until(opens, server.error_log)


def test_more_than_may_be_bridged_get_503_and_their_places_come_back(h2_server):
    server = h2_server(f"WebSocketMaxBridged 2\n{ECHO}")
    with http2(server) as connection:
        first, second = connection.open("/echo"), connection.open("/echo")
        with connection.connect("/echo") as third:
            assert third.status == 503
            assert third.headers["retry-after"]
        server.wait_for_log("ws:warn.*refused with 503: this child has 2 bridged sessions.*WebSocketMaxBridged")
        close(first)
        wait_for_place(server, connection)
        echo(second)
        close(second)


def test_half_of_a_childs_threads_may_be_bridged_if_nothing_is_said(h2_server):
    server = h2_server(threads=4)
    with http2(server) as connection, connection.open("/echo"), connection.open("/echo"):
        with connection.connect("/echo") as third:
            assert third.status == 503


def test_no_more_than_half_of_a_childs_threads_are_held_over_http1(httpd):
    server = httpd(f"WebSocketMaxBridged 4\n{MANGLED_ECHO}", threads=4)
    with ExitStack() as stack:
        for status in (101, 101, 503):
            client = stack.enter_context(MangledClient(server.port))
            assert client.handshake("/echo").status == status


# Requests to a balancer have a place before it is known whether they become sessions.

MODULES = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm", "proxy_http")
BALANCED = """
WebSocketMaxBridged 1
<Proxy "balancer://members">
    BalancerMember "%s://127.0.0.1:${BACKEND_PORT}" %s
</Proxy>
ProxyPass "/balanced" "balancer://members"
"""
MEMBERS = {"not for WebSockets": ("http", ""), "disabled": ("ws", "status=+D"), "not there": ("ws", "retry=0")}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_a_stream_for_which_a_balancer_has_nobody_gives_its_place_back(httpd, member):
    relay = Relay(httpd, BALANCED % member + ECHO, modules=("http2", *MODULES))
    with http2(relay.server) as connection:
        for _ in range(3):
            with connection.connect("/balanced") as stream:
                assert stream.status == 503
        wait_for_place(relay.server, connection)


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_a_request_for_which_a_balancer_has_nobody_gives_its_place_back(httpd, member):
    relay = Relay(httpd, BALANCED % member + MANGLED_ECHO, modules=MODULES)
    with MangledClient(relay.server.port) as client:
        assert client.handshake("/balanced").status == 503

        def opens():
            with MangledClient(relay.server.port) as other:
                return other.handshake("/echo").status == 101
        wait_until(opens, relay.server.error_log)
