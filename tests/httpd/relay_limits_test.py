"""The limits that a location sets for its relayed sessions."""

import pytest

from support.frames import BINARY, CONTINUATION, frame
from support.relay import Relay

MAX_FRAME_SIZE = 1000
CONFIG = f"""
<Location "/plain">
    WebSocketCloseTimeout 300ms
    WebSocketMaxFrameSize {MAX_FRAME_SIZE}
</Location>
"""


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG)


@pytest.fixture(params=[True, False], ids=["from-client", "from-backend"])
def ends(relay, request):
    """(sender, receiver)"""
    with relay.session() as (client, backend):
        yield (client, backend) if request.param else (backend, client)


def test_a_frame_above_the_limit_gets_1009(ends):
    sender, receiver = ends
    sender.send_frame(BINARY, bytes(MAX_FRAME_SIZE + 1))
    assert sender.expect_close()[0] == 1009
    assert receiver.expect_close()[0] == 1001


def test_a_message_of_frames_at_the_limit_passes(ends):
    sender, receiver = ends
    sender.send_frame(BINARY, bytes(MAX_FRAME_SIZE), fin=False)
    sender.send_frame(CONTINUATION, bytes(MAX_FRAME_SIZE))
    assert receiver.read_frame().payload == bytes(MAX_FRAME_SIZE)
    assert receiver.read_frame().payload == bytes(MAX_FRAME_SIZE)


def test_a_close_nobody_answers_comes_back(ends):
    sender, receiver = ends
    sender.send_close(4001, "bye")
    assert receiver.expect_close() == (4001, "bye")
    assert sender.expect_close()[0] == 4001
    sender.read_eof()
    receiver.read_eof()


def test_data_after_an_unanswered_close_does_not_delay_the_end(ends):
    sender, receiver = ends
    sender.send_close(4001)
    assert receiver.expect_close()[0] == 4001
    receiver.send(frame(BINARY, bytes(1000), mask=receiver.is_client)[:-1])
    assert len(sender.read_all()) < 1100
    receiver.read_eof()


def test_a_peer_that_does_not_end_its_connection_is_cut(ends):
    sender, receiver = ends
    sender.send_close(1000)
    assert receiver.expect_close()[0] == 1000
    receiver.send_close(1000)
    assert sender.expect_close()[0] == 1000
    sender.read_eof()
    receiver.read_eof()
    with pytest.raises(OSError):
        while True:
            sender.send(bytes(1000))


def test_the_session_of_a_lost_client_ends_without_an_answer(relay):
    with relay.session() as (client, backend):
        client.close()
        assert backend.expect_close()[0] == 1001
        backend.read_eof()
