"""Sessions over HTTP/2 whose client or backend is lost."""

from contextlib import ExitStack

import pytest

from support.flooding import flood
from support.frames import BINARY, frame
from support.http2 import ECHO, H2_LOG, close, echo, http2
from support.waiting import wait_until

LEAVES = {"RST_STREAM": lambda stream: stream.reset(), "END_STREAM": lambda stream: stream.shutdown_write()}


def wait_for_lines(server, *lines):
    log = server.config.root / "sessions.log"
    wait_until(lambda: log.read_text().splitlines() == list(lines), lambda: f"{log.read_text()}\n{server.error_log()}")


def wait_for_places(server, count, path="/echo"):
    def has_room():
        with http2(server) as connection, ExitStack() as stack:
            streams = [stack.enter_context(connection.connect(path)) for _ in range(count)]
            return all(stream.status == 200 for stream in streams)
    wait_until(has_room, server.error_log)


# The client


@pytest.mark.parametrize("prepare", [echo, flood], ids=["idle", "in the middle of a write"])
def test_a_lost_connection_ends_all_its_sessions_and_gives_their_places_back(h2_server, prepare):
    server = h2_server(f"WebSocketMaxBridged 3\n{H2_LOG}{ECHO}")
    with http2(server) as connection:
        streams = [connection.open("/echo") for _ in range(3)]
        for stream in streams:
            prepare(stream)
        connection.lose()
        wait_for_lines(server, *(3 * ["1006 client"]))
    wait_for_places(server, 3)


def test_a_silent_connection_is_lost_by_its_pings_and_gives_the_places_back(h2_server):
    server = h2_server(f"WebSocketMaxBridged 3\nWebSocketPingInterval 500ms\nWebSocketPongTimeout 500ms\n{H2_LOG}{ECHO}")
    with http2(server) as connection:
        streams = [connection.open("/echo") for _ in range(3)]
        connection.fall_silent()
        wait_for_lines(server, *(3 * ["1006 client"]))
        wait_for_places(server, 3)
        for stream in streams:
            stream.close()


def test_a_lost_connection_closes_its_backends_with_1001(h2_relay):
    closes = []

    def script(backend):
        backend.accept_websocket()
        closes.append(backend.expect_close()[0])
        backend.send_close(1001)
        backend.read_eof()

    with h2_relay.scripted_backend(script), http2(h2_relay.server) as connection:
        streams = [connection.open(h2_relay.path()) for _ in range(3)]
        connection.lose()
        wait_until(lambda: closes == 3 * [1001], lambda: f"{closes}\n{h2_relay.server.error_log()}")
        for stream in streams:
            stream.close()


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_a_stream_that_a_relays_client_leaves_is_lost_to_the_backend(h2_relay, leave):
    with http2(h2_relay.server) as connection, h2_relay.stream_session(connection) as (stream, backend):
        leave(stream)
        assert backend.expect_close()[0] == 1001
        h2_relay.server.wait_for_log("the client was lost: the peer left without a Close frame")


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_a_stream_that_a_handlers_client_leaves_is_lost_to_the_session(h2_server, leave):
    server = h2_server(f"WebSocketMaxBridged 2\n{H2_LOG}{ECHO}")
    with http2(server) as connection, connection.open("/echo") as other, connection.open("/echo") as stream:
        echo(stream)
        leave(stream)
        wait_for_lines(server, "1006 client")
        echo(other)
        close(other)
    wait_for_lines(server, "1006 client", "1000 client")
    wait_for_places(server, 2)


def test_a_stream_is_ended_from_both_sides(h2_server):
    with http2(h2_server()) as connection, connection.open("/echo") as stream:
        stream.shutdown_write()
        stream.read_eof()


def test_a_stream_that_is_reset_in_the_middle_of_a_write_ends_its_session(h2_server):
    server = h2_server(f"WebSocketMaxBridged 2\n{H2_LOG}{ECHO}")
    with http2(server) as connection, connection.open("/echo") as other:
        stream = connection.open("/echo")
        flood(stream)
        stream.reset()
        wait_for_lines(server, "1006 client")
        echo(other)
        close(other)
    wait_for_places(server, 2)


# The backend


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_a_lost_backend_closes_its_stream_with_1014(h2_relay, vanish):
    with http2(h2_relay.server) as connection, h2_relay.stream_session(connection) as (stream, backend):
        getattr(backend, vanish)()
        assert stream.expect_close()[0] == 1014
        stream.send_close(1014)
        stream.read_eof()
        h2_relay.server.wait_for_log(rf"warn.*the backend {h2_relay.worker()} was lost: ")


def test_a_backend_lost_inside_a_frame_just_ends_its_stream(h2_relay):
    half = frame(BINARY, bytes(2000), mask=False)[:1000]
    with http2(h2_relay.server) as connection, h2_relay.stream_session(connection) as (stream, backend):
        backend.send(half)
        assert stream.read_exact(1000) == half
        backend.close()
        stream.read_eof()
        h2_relay.server.wait_for_log(rf"warn.*the backend {h2_relay.worker()} was lost inside a frame: ")
