"""Each side of a stream is read only as fast as the other one takes, and streams do not hold each other."""

import socket
from pathlib import Path

from support.flooding import flood
from support.frames import TEXT
from support.handler_modules import load_handlers
from support.http2 import ECHO, close, echo, http2

# More than the stream's window, the socket pair, and all buffers of ours together have room for.
MOST_BYTES = 2 << 20


def check_flow(stream, other, most=MOST_BYTES):
    """`stream` comes to a stop early, and `other` does not."""
    assert flood(stream) > 0
    assert stream.taken_bytes() < most
    for number in range(20):
        echo(other, f"message {number}")
    close(other)
    assert stream.taken_bytes() < most


def test_a_stream_that_nobody_reads_does_not_hold_the_others(h2_server):
    with http2(h2_server()) as connection, connection.open("/echo", unread=True) as stream, \
            connection.open("/echo") as other:
        check_flow(stream, other)


def test_a_handler_that_does_not_read_holds_its_own_client_only(h2_server):
    server = h2_server(f"""{load_handlers("worker")}{ECHO}
<Location "/worker">
    WebSocketHandler worker
</Location>
""")
    with http2(server) as connection, connection.open("/worker") as stream, connection.open("/echo") as other:
        stream.send_frame(TEXT, "for ever")
        stream.expect_frame(TEXT, "begun")
        check_flow(stream, other)


def test_a_backend_that_does_not_read_holds_its_own_client_only(h2_relay):
    with http2(h2_relay.server) as connection, h2_relay.stream_session(connection) as (stream, backend), \
            connection.open("/echo") as other:
        backend.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        # The kernel takes this much for any connection.
        _, _, send_buffer = Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()
        check_flow(stream, other, MOST_BYTES + int(send_buffer))
