"""Each leg of a relay is read only as fast as the other one takes."""

import hashlib
import threading
import time

import pytest

from support.frames import BINARY, PING, PONG, TEXT, frame
from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import patience, wait_until

FLOOD_FRAMES = 1024
PAYLOAD = bytes(i % 251 for i in range(1 << 16))
MAX_GROWTH_BYTES = 8 << 20
STALL_SECONDS = 0.5


@pytest.fixture(params=[True, False], ids=["from-client", "from-backend"])
def from_client(request):
    return request.param


class Flood:
    """64 MiB of frames, sent in a thread of its own as fast as they are taken."""

    def __init__(self, stream, frames=None):
        self.stream = stream
        self.sent = 0
        self.error = None
        self.frame = frames or frame(BINARY, PAYLOAD, mask=stream.is_client)
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    @property
    def size(self):
        return FLOOD_FRAMES * len(self.frame)

    def wait_for_stall(self):
        """Returns when nothing has been taken for a while."""
        last = [-1, 0.0]

        def stalls():
            assert self.error is None and self.sent < FLOOD_FRAMES, "the flood met no resistance"
            if self.sent != last[0]:
                last[:] = self.sent, time.monotonic()
            return time.monotonic() - last[1] > STALL_SECONDS
        wait_until(stalls, "the flood stalls")

    def join(self):
        self.thread.join(patience(20))
        assert not self.thread.is_alive(), f"{self.sent} frames of the flood have been taken"

    def digest(self):
        digest = hashlib.sha256()
        for _ in range(FLOOD_FRAMES):
            digest.update(self.frame)
        return digest.digest()

    def _send(self):
        try:
            for _ in range(FLOOD_FRAMES):
                self.stream.socket.sendall(self.frame)
                self.sent += 1
        except OSError as error:
            self.error = error


def digest_of(stream, size):
    digest = hashlib.sha256()
    while size > 0:
        data = stream.read_exact(min(size, 1 << 20))
        digest.update(data)
        size -= len(data)
    return digest.digest()


def ends(session, from_client):
    """(sender, receiver)"""
    client, backend = session
    return (client, backend) if from_client else (backend, client)


@pytest.mark.parametrize("legs", [(False, False), (True, True)], ids=["plain", "tls"])
def test_a_flood_waits_for_its_reader(httpd, legs, from_client):
    relay = Relay(httpd)
    with relay.session(*legs) as session:
        sender, receiver = ends(session, from_client)
        sender.send_frame(TEXT, "first")
        receiver.expect_frame(TEXT, "first")
        before = relay.server.child_rss_bytes()
        flood = Flood(sender)
        flood.wait_for_stall()
        assert relay.server.child_rss_bytes() - before < MAX_GROWTH_BYTES
        assert digest_of(receiver, flood.size) == flood.digest()
        flood.join()
        assert relay.server.child_rss_bytes() - before < MAX_GROWTH_BYTES
        receiver.send_frame(TEXT, "last")
        sender.expect_frame(TEXT, "last")


def test_a_client_that_takes_no_pongs_is_not_read_from(httpd):
    server = httpd('<Location "/echo">\nWebSocketHandler echo\n</Location>')
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        client.send_frame(PING, "first")
        client.expect_frame(PONG, "first")
        before = server.child_rss_bytes()
        flood = Flood(client, frame(PING, PAYLOAD[:125]) * (len(PAYLOAD) // 125))
        flood.wait_for_stall()
        assert server.child_rss_bytes() - before < MAX_GROWTH_BYTES
        client.shutdown_write()
        flood.join()


def test_the_other_direction_flows_meanwhile(relay, from_client):
    with relay.session() as session:
        sender, receiver = ends(session, from_client)
        flood = Flood(sender)
        flood.wait_for_stall()
        for _ in range(3):
            receiver.send_frame(TEXT, "hello")
            sender.expect_frame(TEXT, "hello")
        assert digest_of(receiver, flood.size) == flood.digest()
        flood.join()


def test_a_close_behind_a_flood_is_delivered(relay, legs, from_client):
    with relay.session(*legs) as session:
        sender, receiver = ends(session, from_client)
        flood = Flood(sender)
        flood.wait_for_stall()
        assert digest_of(receiver, flood.size) == flood.digest()
        flood.join()
        sender.send_close(4001, "bye")
        sender.close()
        assert receiver.expect_close() == (4001, "bye")


def test_data_of_a_lost_sender_is_delivered(relay, legs, from_client):
    """What httpd has taken or can still take."""
    sent = 100 * frame(BINARY, PAYLOAD, mask=from_client)
    with relay.session(*legs) as session:
        sender, receiver = ends(session, from_client)
        writer = threading.Thread(target=lambda: (sender.send(sent), sender.close()))
        writer.start()
        assert receiver.read_exact(len(sent)) == sent
        writer.join()
        assert receiver.expect_close()[0] == (1001 if from_client else 1014)


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_a_lost_reader_ends_a_flood(relay, legs, from_client, vanish):
    with relay.session(*legs) as session:
        sender, receiver = ends(session, from_client)
        flood = Flood(sender)
        flood.wait_for_stall()
        getattr(receiver, vanish)()
        assert sender.expect_close()[0] == (1014 if from_client else 1001)
        flood.join()
        sender.send_close(1001)
        sender.read_eof()


def test_a_reader_that_takes_nothing_is_given_up(httpd, from_client):
    relay = Relay(httpd, "WebSocketWriteTimeout 300ms")
    with relay.session() as session:
        sender, _ = ends(session, from_client)
        flood = Flood(sender)
        loser = f"the backend {relay.worker()}" if from_client else "the client"
        relay.server.wait_for_log(f"{loser} was lost.*: the peer took no data in time")
        assert sender.expect_close()[0] == (1014 if from_client else 1001)
        flood.join()
