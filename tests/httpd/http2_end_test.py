"""What a restart and a stop of the server do to sessions over HTTP/2."""

import pytest

from support import processes
from support.flooding import flood
from support.http2 import ECHO, echo, http2
from support.waiting import wait_until


def wait_for_end(server, children):
    wait_until(lambda: not set(children) & set(server.children()), server.error_log, timeout=20)


def restart_gracefully(server, stream):
    """Its session is closed meanwhile. Returns the children that end."""
    old = server.children()
    server.graceful()
    assert stream.expect_close()[0] == 1001
    stream.send_close(1001)
    stream.read_eof()
    return old


def test_a_graceful_restart_closes_sessions_with_1001(h2_server):
    server = h2_server()
    with http2(server) as connection, connection.open("/echo") as stream:
        echo(stream)
        old = restart_gracefully(server, stream)
    wait_for_end(server, old)


@pytest.mark.parametrize("blocks", ["its stream", "its connection"])
def test_a_client_that_takes_nothing_does_not_hold_a_child_that_ends(h2_server, blocks):
    server = h2_server(f"Timeout 2\nWebSocketCloseTimeout 1s\n{ECHO}")
    with http2(server) as blocked, http2(server) as live, live.open("/echo") as stream:
        idle = blocked.open("/echo")
        flood(idle)
        if blocks == "its connection":
            blocked.fall_silent()
        wait_for_end(server, restart_gracefully(server, stream))


def idle(*streams):
    for stream in streams:
        echo(stream)


def blocked(*streams):
    for stream in streams:
        flood(stream)


def partly_blocked(first, second):
    flood(first)
    echo(second)


# Blocked, the relay's client is lost inside a message.
@pytest.mark.parametrize("prepare, backends_code", [(idle, 1001), (blocked, 1006), (partly_blocked, 1001)])
def test_a_stop_ends_and_logs_sessions_and_leaves_no_process(h2_relay, prepare, backends_code):
    server = h2_relay.server
    with h2_relay.websockets_backend() as backend, http2(server) as connection:
        streams = [connection.open("/echo"), connection.open(h2_relay.path())]
        prepare(*streams)
        children = server.children()
        server.stop()
        for stream in streams:
            with pytest.raises(ConnectionResetError):
                stream.read_all()
        assert [processes.parent_of(child) for child in children] == [None]
        log = (server.config.root / "sessions.log").read_text().splitlines()
        assert len(log) == 2 and set(log) <= {"1001 server", "1006 client"}
        assert backend.wait_until_closed(1) == [backends_code]
