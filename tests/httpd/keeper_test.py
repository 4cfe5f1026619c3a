"""Sessions outlive the child that has taken them: keepers."""

import os
import signal
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.keepers import keepers_of
from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import wait_until

ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""
MPMS = ["event", "worker", "prefork"]


def wait_for_keepers(server, count):
    wait_until(lambda: len(keepers_of(server)) == count,
               lambda: f"{count} keepers, not {keepers_of(server)}\n{server.error_log()}")


def replace_children(server):
    """A graceful restart, until the old children have gone."""
    old = server.children()
    server.graceful()
    wait_until(lambda: not set(old) & set(server.children()), lambda: f"{old} end\n{server.error_log()}")


def echo(client, text="hello"):
    client.send_frame(TEXT, text)
    client.expect_frame(TEXT, text)


@contextmanager
def sessions(server, path, count, tls=False):
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient("127.0.0.1", server.port_of(tls), tls)) for _ in range(count)]
        for client in clients:
            client.open(path)
        yield clients


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("mpm", MPMS)
def test_a_handlers_sessions_outlive_a_graceful_restart(httpd, mpm, tls):
    server = httpd(ECHO, mpm=mpm, tls=tls, threads=4)
    with sessions(server, "/echo", 2, tls) as clients:
        replace_children(server)
        replace_children(server)
        for client in clients:
            echo(client)
        with sessions(server, "/echo", 1, tls) as (late,):
            echo(late)
        assert keepers_of(server)
        for client in clients:
            client.send_close(1000)
            assert client.expect_close()[0] == 1000
    wait_for_keepers(server, 0)
