"""Clients that mean harm: the child's memory stays below a bound, pages are served, other sessions echo, the log is not flooded.

What is shown elsewhere:

| attack | test |
|---|---|
| peers that vanish at every byte | takeover_test.py, upgrade_handler_test.py, http2_loss_test.py |
| a side that floods one that does not read, a client that takes no pongs | backpressure_test.py, slow_side_test.py, http2_flow_test.py |
| messages and frames beyond the limits, from either side; rates | relay_messages_test.py, relay_limits_test.py, conformance/families/limits.py |
| streams of HTTP/2 that are reset as soon as they begin | http2_abuse_test.py |
| one deflate bomb | conformance/families/compression_messages.py |
| a backend's endless answers and broken frames | bad_backend_test.py |
| no descriptors, threads or memory left | machine_limits_test.py |
| limits of sessions, met exactly by many children | session_limits_test.py |
| a handler that never lets go of its loop | blocked_loop_test.py |
"""

import select
import threading

import pytest

from support import processes
from support.deflate_bomb import zeros
from support.flooding import flood
from support.frames import BINARY, CONTINUATION, DEFAULT_MASK, PING, PONG, TEXT, frame, frame_header
from support.memory import promised_bytes
from support.raw_client import RawClient
from support.relay import Relay
from support.siege import SCALE, assert_echoes, crowd, statuses, unharmed
from support.waiting import patience, wait_until

pytestmark = pytest.mark.measures_memory
MIB = 1 << 20
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
"""
CONFIG = ECHO + """
<Location "/large">
    WebSocketHandler echo
    WebSocketMaxMessageSize 2G
</Location>
<Location "/few">
    WebSocketHandler echo
    WebSocketMaxFragments 1000
</Location>
<Location "/full">
    WebSocketHandler echo
    WebSocketMaxConnections 5
</Location>
<Location "/mine">
    WebSocketHandler echo
    WebSocketMaxConnectionsPerClient 5
</Location>
<Location "/checked">
    WebSocketValidate messages
    WebSocketMaxMessageSize 1M
    WebSocketCloseTimeout 100ms
</Location>
ProxyPass "/checked" "ws://127.0.0.1:${BACKEND_PORT}" retry=0
"""
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate"}
RSV1 = 4


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG)


@pytest.fixture
def server(relay):
    return relay.server


# No requests


NO_REQUESTS = {
    "half-a-line": b"GE",
    "no-version": b"GET / HTTP",
    "half-a-head": b"GET / HTTP/1.1\r\nHos",
    "long-line": b"GET /" + 9000 * b"a" + b" HTTP/1.1\r\n\r\n",
    "nul": b"\0\r\n\r\n",
    "no-target": b"GET\r\n\r\n",
    "empty-lines": 100 * b"\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "frames": 10 * frame(TEXT, "hello") + b"\r\n",
}


@pytest.fixture(scope="module")
def hasty_server(module_httpd):
    return module_httpd(f"RequestReadTimeout header=1\n{ECHO}", modules=("reqtimeout",))


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_harms_nobody(hasty_server, sent):
    """httpd lets modules log it, though there is neither a method nor a path."""
    with hasty_server.shared(), unharmed(hasty_server, 4 * MIB), \
            RawClient("127.0.0.1", hasty_server.port) as client:
        client.send(sent)
        client.read_all()


# Slow


def drip(clients, data):
    """Sends it byte by byte, to all of them in turn."""
    for i in range(len(data)):
        for client in clients:
            client.socket.send(data[i:i + 1])


def ended(clients):
    """Those whose connection the server has ended, or answered."""
    readable, _, _ = select.select([client.socket for client in clients], [], [], 0.01)
    return [client for client in clients if client.socket in readable]


def test_slow_request_heads_hold_no_session_and_end_in_time(httpd):
    """Reading heads is httpd's, with its threads, of which there are too few here: it says so, once."""
    server = httpd(f"RequestReadTimeout header=1\n{ECHO}", modules=("reqtimeout",), threads=4)
    with unharmed(server, 4 * MIB, most_lines=1) as check, crowd(server, 1, "/echo") as (session,), \
            crowd(server, 12) as slow:
        for client in slow:
            client.send(client.handshake_bytes("/echo")[:-2] + b"X-Slow: ")
        waiting = set(slow)
        while waiting:
            drip(waiting, b"x")
            assert_echoes(session)
            waiting -= set(ended(waiting))
        check()


def test_frames_that_come_byte_by_byte_hold_nobody_up(server):
    with unharmed(server, 4 * MIB) as check, crowd(server, 50, "/echo") as slow:
        sent = frame(TEXT, "s" * 200)
        drip(slow, sent[:-1])
        check()
        drip(slow, sent[-1:])
        for client in slow:
            client.expect_frame(TEXT, "s" * 200)


ANNOUNCED = {"allowed": ("/echo", MIB), "huge": ("/large", 1 << 30)}


@pytest.mark.parametrize("path, size", ANNOUNCED.values(), ids=ANNOUNCED)
def test_the_size_that_a_frame_announces_costs_nothing(server, path, size):
    """Memory is taken for what has come; what nobody has written to yet would be no resident memory."""
    with unharmed(server, 4 * MIB) as check, crowd(server, 100, path) as clients:
        before = promised_bytes(server.children())
        for client in clients:
            client.send(frame_header(BINARY, size, key=DEFAULT_MASK) + 1000 * b"x")
        wait_until(lambda: all(map(processes.is_at_rest, server.children())), "all is read")
        check()
        assert promised_bytes(server.children()) - before < SCALE * 4 * MIB


def test_sessions_that_never_read_do_not_hold_what_a_fast_backend_sends(relay):
    with relay.scripted_backend(flood_one_session) as backend, \
            unharmed(relay.server, 8 * MIB) as check, \
            crowd(relay.server, 12, relay.path()):
        assert all(0 < taken < 64 * MIB for taken in backend.wait_for_scripts(12))
        check()


def flood_one_session(connection):
    connection.accept_websocket()
    return flood(connection)


# Much


def test_a_flood_of_pings_is_answered_beside_other_sessions(server):
    ping, count = frame(PING, bytes(125)), 100_000
    with unharmed(server, 4 * MIB) as check, crowd(server, 1, "/echo") as (client,):
        sender = threading.Thread(target=lambda: client.socket.sendall(ping * count))
        sender.start()
        for _ in range(10):
            assert client.read_exact(count // 10 * 127)[:2] == bytes([0x80 | PONG, 125])
            check()
        sender.join(patience(20))


def test_100000_empty_fragments_are_a_message(server):
    with unharmed(server, 4 * MIB) as check, crowd(server, 1, "/echo") as (client,):
        client.send(frame(TEXT, fin=False) + 100_000 * frame(CONTINUATION, fin=False))
        check()
        client.send(frame(CONTINUATION, "end"))
        client.expect_frame(TEXT, "end")


def test_fragments_beyond_the_limit_end_the_session(server):
    with unharmed(server, 4 * MIB), crowd(server, 1, "/few") as (client,):
        client.send(frame(TEXT, fin=False) + 1000 * frame(CONTINUATION, fin=False))
        assert client.expect_close()[0] == 1009


def test_deflate_bombs_in_many_sessions_at_once_end_them(server):
    """1 GiB in each; 1 MiB is allowed."""
    bomb = frame(BINARY, zeros(1024), rsv=RSV1)
    with unharmed(server, 24 * MIB) as check, crowd(server, 20, "/echo", headers=DEFLATE) as clients:
        for client in clients:
            client.send(bomb[:-1])
        check()
        for client in clients:
            assert client.expect_close()[0] == 1009


def test_a_deflate_bomb_reaches_no_backend_whose_messages_are_checked(relay):
    def script(connection):
        connection.accept_websocket(DEFLATE)
        return connection.read_all()
    with relay.scripted_backend(script) as backend, unharmed(relay.server, 4 * MIB), \
            relay.client() as client:
        client.open("/checked", headers=DEFLATE)
        client.send(frame(BINARY, zeros(1024), rsv=RSV1)[:-1])
        assert client.expect_close()[0] == 1009
        client.close()
        received, = backend.wait_for_scripts(1)
    assert len(received) < 4 * MIB


# Opening handshakes


HUGE = {
    "one-field": ({"X-Huge": "x" * 9000}, 400),
    "many-fields": ({f"X-{number}": "x" for number in range(200)}, 400),
    "all-that-is-allowed": ({f"X-{number}": "x" * 8000 for number in range(90)}, 101),
    "subprotocols": ({"Sec-WebSocket-Protocol": ",".join(2000 * ["a"])}, 101),
    "extensions": ({"Sec-WebSocket-Extensions": ",".join(400 * ["permessage-deflate"])}, 101),
    "parameters": ({"Sec-WebSocket-Extensions": "permessage-deflate" + 1000 * ";a=1"}, 101),
}


@pytest.mark.parametrize("headers, status", HUGE.values(), ids=HUGE)
def test_huge_heads_are_refused_or_cost_little(server, headers, status):
    with unharmed(server, 24 * MIB):
        assert set(statuses(server, 50, "/echo", headers)) == {status}


FLOODS = {
    "full": ("/full", {}, 503, 1),
    "too-many-of-one-client": ("/mine", {}, 429, 0),
    "foreign-pages": ("/echo", {"Origin": "http://elsewhere.example"}, 403, 0),
    "bad-keys": ("/echo", {"Sec-WebSocket-Key": "x"}, 400, 0),
}


@pytest.mark.parametrize("path, headers, status, most_lines", FLOODS.values(), ids=FLOODS)
def test_floods_of_refused_upgrades_cost_a_line_at_most(server, path, headers, status, most_lines):
    """Where a limit is met, by five sessions that stay."""
    sessions = 5 if status in (429, 503) else 0
    with unharmed(server, 4 * MIB, most_lines) as check, crowd(server, sessions, path) as members:
        assert statuses(server, 1000, path, headers) == 1000 * [status]
        check()
        for member in members:
            assert_echoes(member)


def test_sessions_that_break_the_protocol_write_no_line_an_operator_sees(server):
    with unharmed(server, 4 * MIB), crowd(server, 200, "/echo") as clients:
        for client in clients:
            client.send(b"\xff" * 14)
        for client in clients:
            assert client.expect_close()[0] == 1002
