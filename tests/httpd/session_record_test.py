"""What mod_proxy's counters say of relayed sessions."""

import os
import re
import signal
import urllib.request
from contextlib import ExitStack

import pytest

from support.frames import BINARY
from support.raw_client import RawClient
from support.waiting import patience, wait_until
from support.websockets_backend import WebsocketsBackend

MODULES = ("proxy_balancer", "lbmethod_byrequests", "lbmethod_bybusyness", "lbmethod_bytraffic",
           "slotmem_shm", "status")
CONFIG = """
<Proxy "balancer://backends">
    BalancerMember "ws://127.0.0.1:${ONE}"
    BalancerMember "ws://127.0.0.1:${OTHER}"
    ProxySet lbmethod=%s
</Proxy>
ProxyPass "/chat" "balancer://backends"
ProxyPass "/plain" "ws://127.0.0.1:${ONE}"
<Location "/manager">
    SetHandler balancer-manager
</Location>
<Location "/status">
    SetHandler server-status
</Location>
ProxyStatus On
"""
SEVERAL_CHILDREN = {"prefork": "StartServers 4\nMinSpareServers 4", "event": "", "worker": ""}


class Balancer:
    """An httpd with two members, and one connection to ask it for their counters."""

    def __init__(self, server, stack):
        self.server = server
        self._stack = stack

    def open(self, path="/chat"):
        client = self._stack.enter_context(RawClient("127.0.0.1", self.server.port))
        client.open(path)
        return client

    def page(self, path):
        url = self.server.url(path, scheme="http")
        # The manager takes parameters from its own pages only.
        request = urllib.request.Request(url, headers={"Referer": url})
        with urllib.request.urlopen(request, timeout=patience(10)) as response:
            return response.read().decode()

    def counters(self, name):
        """Of both members, as balancer-manager shows them."""
        page = self.page("/manager?xml=1")
        return [int(value) for value in re.findall(f"<httpd:{name}>(\\d+)</httpd:{name}>", page)]

    def wait_for_busy(self, *expected):
        wait_until(lambda: self.counters("busy") == list(expected),
                   lambda: f"busy is {expected}, not {self.counters('busy')}")


@pytest.fixture
def start(httpd):
    with ExitStack() as stack:
        one, other = (stack.enter_context(WebsocketsBackend()) for _ in range(2))

        def start(lbmethod="byrequests", config="", **options):
            server = httpd(CONFIG % lbmethod + config, modules=MODULES, log_level="info ws:debug",
                           defines={"ONE": one.port, "OTHER": other.port}, **options)
            return Balancer(server, stack)
        yield start


def end(client):
    client.send_close(1000)
    assert client.expect_close()[0] == 1000
    client.close()


def test_a_session_keeps_its_worker_busy(start, mpm):
    balancer = start(mpm=mpm, config=SEVERAL_CHILDREN[mpm])
    sessions = [balancer.open() for _ in range(4)]
    balancer.wait_for_busy(2, 2)
    status = balancer.page("/status?auto")
    assert re.findall(r"Worker\[\d\]Busy: (\d+)", status) == ["2", "2"]
    end(sessions[0])
    balancer.wait_for_busy(1, 2)
    for session in sessions[1:]:
        end(session)
    balancer.wait_for_busy(0, 0)


def test_bybusyness_counts_sessions(start):
    balancer = start("bybusyness")
    sessions = [balancer.open() for _ in range(4)]
    balancer.wait_for_busy(2, 2)
    for session in sessions[::2]:
        end(session)
    balancer.wait_for_busy(0, 2)
    for _ in range(2):
        balancer.open()
    balancer.wait_for_busy(2, 2)


def test_the_bytes_of_a_session_are_added_at_its_end(start):
    balancer = start("bytraffic")
    session = balancer.open()
    before = balancer.counters("transferred")
    session.send_frame(BINARY, bytes(100000))
    assert session.read_frame().payload == bytes(100000)
    assert balancer.counters("transferred") == before
    end(session)
    balancer.wait_for_busy(0, 0)
    frame, close = 10 + 100000, 4
    assert balancer.counters("transferred") == [before[0] + 4 + frame + 4 + close, 0]
    assert balancer.counters("read") == [frame + close, 0]


def test_a_killed_child_leaves_no_worker_busy(start):
    balancer = start(may_crash=True)
    for _ in range(4):
        balancer.open()
    balancer.wait_for_busy(2, 2)
    # Before, a session is mod_proxy's to count, which does not see its child die.
    balancer.server.wait_for_log(r"(?s)(the worker thread is free.*){4}")
    for pid in balancer.server.children():
        os.kill(pid, signal.SIGKILL)
    balancer.server.wait_for_log("gave back what lost sessions held")
    wait_until(lambda: balancer.server.children(), "there is a new child")
    balancer.wait_for_busy(0, 0)


def test_sessions_of_the_last_generation_do_not_disturb_the_next_ones_count(start):
    balancer = start()
    kept = [balancer.open() for _ in range(2)]
    balancer.server.graceful()
    balancer.wait_for_busy(0, 0)
    balancer.open()
    balancer.wait_for_busy(1, 0)
    for session in kept:
        end(session)
    balancer.open()
    balancer.wait_for_busy(1, 1)


def test_a_worker_without_a_balancer_relays_as_ever(start):
    balancer = start()
    end(balancer.open("/plain"))
    balancer.wait_for_busy(0, 0)
