"""Sessions outlive the child that has taken them: keepers."""

import os
import select
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from support.frames import TEXT
from support.handler_modules import load_handlers
from support.httpd import READY, accepts
from support.keepers import keepers_of, wait_for_keepers
from support.ports import free_ports
from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import wait_until

ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""
MPMS = ["event", "worker", "prefork"]


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
        wait_for_keepers(server)
        for client in clients:
            client.send_close(1000)
            assert client.expect_close()[0] == 1000
    wait_for_keepers(server, 0)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_relays_sessions_outlive_a_graceful_restart(httpd, tls):
    relay = Relay(httpd)
    with relay.websockets_backend(tls=tls), RawClient("127.0.0.1", relay.server.port_of(tls), tls) as client:
        client.open(relay.path(tls))
        replace_children(relay.server)
        echo(client)
        large = "x" * 3_000_000
        echo(client, large)
        client.send_close(1000)
        assert client.expect_close()[0] == 1000
    wait_for_keepers(relay.server, 0)


@pytest.mark.parametrize("mpm", MPMS)
def test_sessions_outlive_children_that_have_served_enough(httpd, mpm):
    server = httpd(ECHO + "MaxConnectionsPerChild 3\nKeepAlive Off\n", mpm=mpm, threads=4)
    first, = server.children()
    with sessions(server, "/echo", 8) as clients:
        wait_until(lambda: first not in server.children(), "the first child ends")
        for client in clients:
            echo(client)


def test_fifty_restarts_keep_all_sessions_and_serve_all_the_time(httpd):
    """Twenty sessions of each generation; the scoreboard has room for two children."""
    server = httpd("WebSocketPingInterval off\n" + ECHO, threads=5, log_level="warn")
    failures, stop = [], threading.Event()

    def request():
        while not stop.is_set():
            try:
                with RawClient("127.0.0.1", server.port) as client:
                    if client.get("/").status not in (200, 403, 404):
                        failures.append("status")
            except (AssertionError, OSError) as error:
                failures.append(str(error))
    visitor = threading.Thread(target=request)
    with ExitStack() as stack:
        clients = []
        stack.callback(visitor.join)
        stack.callback(stop.set)
        visitor.start()
        for _ in range(50):
            clients += stack.enter_context(sessions(server, "/echo", 20))
            server.graceful()
        wait_until(lambda: len(keepers_of(server)) >= 50, "keepers have all", 60)
        for number, client in enumerate(clients):
            echo(client, f"session {number}")
    assert not failures
    assert "scoreboard is full" not in server.error_log()
    # On a busy machine all five workers may be at work in the moment that httpd looks.
    assert [line for line in server.complaints() if "AH00484" not in line] == []


@pytest.mark.parametrize("mpm", MPMS)
def test_a_restart_at_once_closes_kept_sessions_and_later_ones_are_kept_again(httpd, mpm):
    server = httpd(ECHO, mpm=mpm, threads=4)
    with sessions(server, "/echo", 2) as clients:
        replace_children(server)
        wait_for_keepers(server)
        server.process.send_signal(signal.SIGHUP)
        for client in clients:
            assert client.expect_close()[0] == 1001
            client.send_close(1001)
        wait_for_keepers(server, 0)
        wait_until(lambda: accepts(server.port) and server.error_log().count(READY) == 3, server.error_log)
        with sessions(server, "/echo", 1) as (late,):
            replace_children(server)
            echo(late)
            wait_for_keepers(server, 1)


@pytest.mark.parametrize("mpm", MPMS)
def test_a_stop_closes_kept_sessions_with_1001_and_leaves_no_process(httpd, mpm):
    server = httpd(ECHO, mpm=mpm, threads=4)
    with sessions(server, "/echo", 3) as clients:
        replace_children(server)
        with sessions(server, "/echo", 1) as (late,):
            wait_for_keepers(server)
            echo(late)  # a prefork child that is told to end in the middle of a takeover just ends
            server.process.terminate()
            for client in [*clients, late]:
                assert client.expect_close()[0] == 1001
                client.send_close(1001)
            server.process.wait(20)
            assert not keepers_of(server)
            assert not accepts(server.port)


def test_a_stop_waits_for_slow_closers_as_long_as_the_close_timeout(httpd):
    server = httpd("WebSocketCloseTimeout 1s\n" + ECHO, threads=4)
    with sessions(server, "/echo", 1) as (client,):
        replace_children(server)
        server.process.terminate()
        assert client.expect_close()[0] == 1001
        server.process.wait(20)
        assert not keepers_of(server)
        client.read_eof()


def test_keepers_end_when_httpd_is_killed(httpd):
    server = httpd(ECHO, threads=4, may_crash=True)
    with sessions(server, "/echo", 2) as clients:
        replace_children(server)
        kept = wait_for_keepers(server)
        children = server.children()
        server.process.kill()
        for client in clients:
            assert client.expect_close()[0] == 1001
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not keepers_of(server), f"{kept} end")


def test_sigterm_ends_one_keeper_only(httpd):
    server = httpd(ECHO, threads=4)
    with sessions(server, "/echo", 1) as (first,):
        replace_children(server)
        doomed, = wait_for_keepers(server)
        with sessions(server, "/echo", 1) as (second,):
            replace_children(server)
            wait_for_keepers(server, 2)
            os.kill(doomed, signal.SIGTERM)
            assert first.expect_close()[0] == 1001
            first.close()
            wait_for_keepers(server, 1)
            echo(second)


def test_a_killed_keeper_takes_its_own_sessions_only(httpd):
    server = httpd("WebSocketMaxConnections 3\n" + ECHO, threads=4)
    with sessions(server, "/echo", 1) as (first,):
        replace_children(server)
        doomed, = wait_for_keepers(server)
        with sessions(server, "/echo", 1) as (second,):
            os.kill(doomed, signal.SIGKILL)
            first.read_eof()
            echo(second)

            def there_is_room():
                with RawClient("127.0.0.1", server.port) as third, RawClient("127.0.0.1", server.port) as fourth:
                    return [client.handshake("/echo").status for client in (third, fourth)] == [101, 101]
            wait_until(there_is_room, "the lost session's place is free", 30)


def test_a_drain_closes_kept_sessions_one_after_the_other(httpd):
    server = httpd("WebSocketDrain 1500ms code=1012 jitter=1s\n" + ECHO, threads=4)
    with sessions(server, "/echo", 10) as clients:
        begin = time.monotonic()
        replace_children(server)
        times = []
        pending = {client.socket: client for client in clients}
        while pending:
            readable, _, _ = select.select(list(pending), [], [], 20)
            assert readable
            for ready in readable:
                client = pending.pop(ready)
                code, reason = client.expect_close()
                assert (code, reason) == (1012, "the server is restarted")
                times.append(time.monotonic() - begin)
                client.send_close(1012)
        assert min(times) > 0.5
        assert max(times) > 1.5
    wait_for_keepers(server, 0)


def test_keepers_take_part_in_channels(httpd):
    server = httpd(load_handlers("members") + """
        <Location "/member">
            WebSocketHandler member
        </Location>
        <Location "/publish">
            SetHandler websocket-publish
        </Location>
        """, threads=4)
    with sessions(server, "/member?room", 2) as kept:
        replace_children(server)
        with sessions(server, "/member?room", 1) as (late,):
            everybody = [*kept, late]
            for member in everybody:
                assert member.read_frame().payload.startswith(b"pid ")
            for speaker in everybody:
                speaker.send_frame(TEXT, "hello")
                for member in everybody:
                    member.expect_frame(TEXT, "hello")
            for asker in everybody:
                asker.send_frame(TEXT, "count")
                asker.expect_frame(TEXT, "count 3")


def test_keepers_do_not_hold_the_servers_ports(httpd):
    server = httpd(ECHO, threads=4)
    with sessions(server, "/echo", 1) as (client,):
        old, (server.config.port,) = server.port, free_ports(1)
        server.config.write()
        replace_children(server)
        echo(client)
        wait_for_keepers(server)
        with socket.create_server(("127.0.0.1", old)):
            pass


def test_offloaded_work_is_done_before_or_told_lost(httpd):
    server = httpd(load_handlers("worker") + """
        <Location "/worker">
            WebSocketHandler worker
        </Location>
        """, threads=4)
    with sessions(server, "/worker", 2) as (quick, slow):
        slow.send_frame(TEXT, "for ever")
        slow.expect_frame(TEXT, "begun")
        quick.send_frame(TEXT, "100")
        quick.expect_frame(TEXT, "begun")
        replace_children(server)
        quick.expect_frame(TEXT, "done")
        slow.expect_frame(TEXT, "offloaded work was lost with its process")
        quick.send_frame(TEXT, "1")
        quick.expect_frame(TEXT, "begun")
        quick.expect_frame(TEXT, "done")
