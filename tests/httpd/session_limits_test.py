"""WebSocketMaxConnections and WebSocketMaxConnectionsPerClient."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import wait_until

BALANCER_MODULES = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
# Several children, each with room for several sessions.
CHILDREN = {
    "prefork": (25, "StartServers 4\nMinSpareServers 4"),
    "event": (5, "StartServers 3\nMaxRequestWorkers 15\nMinSpareThreads 15\nMaxSpareThreads 15"),
}
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""


class Clients:
    """Clients of one httpd, which stay connected until the test ends or they are closed."""

    def __init__(self, port, stack):
        self.port = port
        self._stack = stack

    def handshake(self, path, source=None, headers=None):
        """(client, the answer's status)"""
        client = self._stack.enter_context(RawClient("127.0.0.1", self.port, source=source))
        return client, client.handshake(path, headers=headers).status

    def status(self, path, **options):
        return self.handshake(path, **options)[1]

    def open(self, path, **options):
        client, status = self.handshake(path, **options)
        assert status == 101
        return client

    def try_open(self, path):
        """A client with a session, or None; also when a dying child drops the connection."""
        with ExitStack() as attempt:
            client = attempt.enter_context(RawClient("127.0.0.1", self.port))
            try:
                status = client.handshake(path).status
            except (AssertionError, OSError):
                return None
            if status != 101:
                return None
            self._stack.push(attempt.pop_all())
            return client

    def open_when_there_is_room(self, path):
        """Tries until a session opens: the last one's place may come back after its Close frame."""
        return wait_until(lambda: self.try_open(path), f"there is room at {path}")


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(httpd, stack):
    """start(config, **options) gives (server, clients)."""
    def start(config, **options):
        # mpm_event may crash at its stop while kept connections end, without mod_ws too.
        server = httpd(f"KeepAlive Off\n{config}", **options)
        return server, Clients(server.port, stack)
    return start


def close(client):
    client.send_close(1000)
    assert client.expect_close()[0] == 1000
    client.close()


def test_sessions_beyond_the_limit_get_503(start, mpm):
    server, clients = start(f"WebSocketMaxConnections 2\n{ECHO}", mpm=mpm)
    sessions = [clients.open("/echo") for _ in range(2)]
    assert clients.status("/echo") == 503
    server.wait_for_log(r"ws:warn.*refused with 503: the server has 2 sessions "
                        r"\(WebSocketMaxConnections\)")
    close(sessions[0])
    clients.open_when_there_is_room("/echo")


def test_a_lost_client_frees_its_place(start):
    _, clients = start(f"WebSocketMaxConnections 1\n{ECHO}")
    clients.open("/echo").reset()
    clients.open_when_there_is_room("/echo")


def test_sessions_beyond_the_clients_limit_get_429(start):
    server, clients = start(f"WebSocketMaxConnectionsPerClient 2\n{ECHO}")
    first, _ = [clients.open("/echo") for _ in range(2)]
    assert clients.status("/echo") == 429
    server.wait_for_log(r"refused with 429: the server has 2 sessions from client 127\.0\.0\.1 "
                        r"\(WebSocketMaxConnectionsPerClient\)")
    clients.open("/echo", source="127.0.0.2")
    close(first)
    clients.open_when_there_is_room("/echo")


def test_a_client_is_who_mod_remoteip_says_and_its_ipv6_network(start):
    _, clients = start(f"RemoteIPHeader X-Client\nWebSocketMaxConnectionsPerClient 1\n{ECHO}",
                       modules=("remoteip",))

    def status(address):
        return clients.status("/echo", headers={"X-Client": address})

    assert status("192.0.2.1") == 101
    assert status("192.0.2.1") == 429
    assert status("192.0.2.2") == 101
    assert status("2001:db8:0:1::1") == 101
    assert status("2001:db8:0:1:ffff::2") == 429
    assert status("2001:db8:0:2::1") == 101


NESTED = """
WebSocketMaxConnections 3
<Location "/">
    WebSocketHandler echo
</Location>
<Location "/inner">
    WebSocketMaxConnections 2
    WebSocketMaxConnectionsPerClient 1
</Location>
<Location "/free">
    WebSocketMaxConnections off
</Location>
"""


def test_an_inner_limit_and_the_outer_one_both_hold(start):
    server, clients = start(NESTED)
    clients.open("/inner")
    assert clients.status("/inner") == 429
    clients.open("/inner", source="127.0.0.2")
    assert clients.status("/inner", source="127.0.0.3") == 503
    server.wait_for_log('refused with 503: <Location "/inner"> has 2 sessions')
    clients.open("/outer")
    assert clients.status("/outer") == 503
    server.wait_for_log("refused with 503: the server has 3 sessions")


def test_off_undoes_an_outer_limit(start):
    _, clients = start(NESTED)
    for _ in range(4):
        clients.open("/free")
    clients.open("/outer")  # those are not counted


HOSTS = """
WebSocketMaxConnections 3
<VirtualHost *:*>
    ServerName a.example
    WebSocketMaxConnections 2
    {echo}
</VirtualHost>
<VirtualHost *:*>
    ServerName b.example
    {echo}
</VirtualHost>
"""


def test_a_virtual_host_has_a_limit_of_its_own_within_the_servers(start):
    server, clients = start(HOSTS.format(echo=ECHO))

    def status(host):
        return clients.status("/echo", headers={"Host": host})

    assert [status("a.example") for _ in range(3)] == [101, 101, 503]
    server.wait_for_log("refused with 503: virtual host a.example has 2 sessions")
    assert [status("b.example") for _ in range(2)] == [101, 503]


def test_the_last_of_two_sections_of_one_name_says_the_number(start):
    two = "".join(f'<Location "/echo">\nWebSocketMaxConnections {number}\n</Location>\n'
                  for number in (1, 2))
    _, clients = start(two + ECHO)
    assert [clients.status("/echo") for _ in range(3)] == [101, 101, 503]


def test_requests_that_open_no_session_take_no_place(start):
    server, clients = start(f"WebSocketMaxConnections 1\n{ECHO}")
    server.publish("page", "a page")
    assert clients.status("/echo", headers={"Sec-WebSocket-Version": "12"}) == 426
    clients.open("/echo")
    with RawClient("127.0.0.1", server.port) as client:
        assert client.get("/page").status == 200


# All children, and children that die


@pytest.mark.parametrize("mpm", CHILDREN)
def test_the_limit_is_met_exactly_when_many_open_at_once(start, mpm):
    threads, children = CHILDREN[mpm]
    _, clients = start(f"{children}\nWebSocketMaxConnections 7\n{ECHO}", mpm=mpm, threads=threads)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: clients.handshake("/echo"), range(40)))
    assert sorted(status for _, status in answers) == 7 * [101] + 33 * [503]
    for client, _ in answers:
        client.reset()
    for _ in range(7):
        wait_until(lambda: clients.try_open("/echo"), "there is room")
    assert clients.status("/echo") == 503


@pytest.mark.parametrize("mpm", CHILDREN)
def test_what_a_killed_child_held_comes_back(start, mpm):
    threads, children = CHILDREN[mpm]
    server, clients = start(f"{children}\nWebSocketMaxConnections 6\n{ECHO}", mpm=mpm,
                            threads=threads, may_crash=True)
    for _ in range(6):
        clients.open("/echo")
    assert clients.status("/echo") == 503
    for pid in server.children():
        os.kill(pid, signal.SIGKILL)
    for _ in range(6):
        wait_until(lambda: clients.try_open("/echo"), "there is room again")
    assert clients.status("/echo") == 503


def test_places_outlive_a_graceful_restart_with_their_sessions(start):
    server, clients = start(f"WebSocketMaxConnections 2\n{ECHO}")
    kept = [clients.open("/echo") for _ in range(2)]
    old = server.children()
    server.graceful()
    wait_until(lambda: not set(old) & set(server.children()), "the old child has gone")
    assert clients.status("/echo") == 503
    for client in kept:
        client.close()
        wait_until(lambda: clients.try_open("/echo"), "there is room again")
        assert clients.status("/echo") == 503


# Relays


def test_a_relay_beyond_the_limit_is_no_matter_of_the_backends(httpd, stack):
    relay = Relay(httpd, """
        <Proxy "balancer://backends">
            BalancerMember "ws://127.0.0.1:${BACKEND_PORT}"
        </Proxy>
        ProxyPass "/balanced" "balancer://backends"
        WebSocketMaxConnections 1
        """, modules=BALANCER_MODULES)
    clients = Clients(relay.server.port, stack)
    with relay.websockets_backend() as backend:
        paths = ("/balanced", "/plain", "/balanced", "/plain")
        for path in paths:
            session = clients.open_when_there_is_room(path)
            assert clients.status("/balanced") == 503
            assert clients.status("/plain") == 503
            close(session)
        assert len(backend.sessions) == len(paths)


def test_a_place_of_a_relay_that_fails_comes_back(httpd, stack):
    relay = Relay(httpd, "WebSocketMaxConnections 1")
    clients = Clients(relay.server.port, stack)
    assert [clients.status("/plain") for _ in range(3)] == [503, 503, 503]
    with relay.websockets_backend():
        clients.open_when_there_is_room("/plain")
