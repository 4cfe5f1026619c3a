"""What a relayed session promises, seen from raw ends on both sides."""

import pytest

from support import processes
from support.frames import (BINARY, CLOSE, CONTINUATION, DEFAULT_MASK, NO_STATUS, PING, PONG, TEXT,
                            Frame, close_frame, frame, masked)
from support.waiting import patience, wait_until
from support.ws_client import connect, exchange, run

PROMPT_SECONDS = 2  # far below the close timeout of 5 s


@pytest.fixture
def session(relay):
    with relay.session() as ends:
        yield ends


def assert_end_promptly(*ends):
    for end in ends:
        end.timeout = patience(PROMPT_SECONDS)
        end.read_eof()


# Frames


def fragments(mask):
    return [frame(TEXT, "frag", fin=False, mask=mask),
            frame(PING, b"between", mask=mask and b"\x01\x02\x03\x04"),
            frame(CONTINUATION, b"", fin=False, mask=mask and b"\xff\xff\xff\xff"),
            frame(CONTINUATION, "ment", mask=mask and bytes(4))]


def frames_of_sizes(sizes, mask):
    return [frame(BINARY, bytes(i % 251 for i in range(size)), mask=mask) for size in sizes]


@pytest.mark.parametrize("chunk_size", [None, 1, 7, 4093], ids=["whole", "1", "7", "4093"])
@pytest.mark.parametrize("from_client", [True, False], ids=["from-client", "from-backend"])
def test_carries_the_exact_bytes(relay, legs, from_client, chunk_size):
    sizes = (0, 1, 125, 126, 300) if chunk_size in (1, 7) else (0, 1, 125, 126, 65535, 65536)
    mask = from_client and b"\xa1\xb2\xc3\xd4"
    data = b"".join(fragments(mask) + frames_of_sizes(sizes, mask))
    with relay.session(*legs) as (client, backend):
        sender, receiver = (client, backend) if from_client else (backend, client)
        for start in range(0, len(data), chunk_size or len(data)):
            sender.send(data[start:start + (chunk_size or len(data))])
        assert receiver.read_exact(len(data)) == data


def test_keeps_the_clients_masking_keys(session):
    client, backend = session
    client.send_frame(TEXT, "hello", mask=b"\x01\x02\x03\x04")
    client.send_frame(TEXT, "hello", mask=b"\x05\x06\x07\x08")
    first, second = backend.read_exact(11), backend.read_exact(11)
    assert (first[2:6], second[2:6]) == (b"\x01\x02\x03\x04", b"\x05\x06\x07\x08")
    assert masked(first[6:], first[2:6]) == masked(second[6:], second[2:6]) == b"hello"


@pytest.mark.parametrize("payload", [b"", b"payload", bytes(range(125))], ids=len)
def test_pings_and_pongs_cross_with_their_payload(session, payload):
    for asking, answering in (session, reversed(session)):
        asking.send_frame(PING, payload)
        answering.expect_frame(PING, payload)
        answering.send_frame(PONG, payload)
        asking.expect_frame(PONG, payload)


def test_a_client_sees_its_ping_answered_by_the_backend(relay):
    async def ping():
        async with connect(relay.url()) as ws:
            await (await ws.ping(b"payload"))
    with relay.websockets_backend():
        run(ping())


# First frames


def test_frames_sent_with_the_request_reach_the_backend(relay, legs):
    tls, backend_tls = legs

    def script(connection):
        connection.accept_websocket()
        return connection.read_frame(), connection.read_frame()
    with relay.scripted_backend(script, backend_tls) as backend, relay.client(tls) as client:
        client.open(relay.path(backend_tls), extra=frame(TEXT, "first") + frame(PING, b"second"))
        assert backend.wait_for_scripts(1) == [(Frame(True, 0, TEXT, b"first"),
                                                Frame(True, 0, PING, b"second"))]


def answer_with(connection, data):
    """Answers 101 with `data` in the same write."""
    send, parts = connection.send, []
    connection.send = parts.append
    connection.accept_websocket()
    send(b"".join(parts) + data)


@pytest.mark.parametrize("size", [5, 20000, 1000000])
def test_frames_sent_with_the_answer_reach_the_client(relay, legs, size):
    tls, backend_tls = legs

    def script(connection):
        answer_with(connection, frame(BINARY, bytes(size), mask=False))
        connection.expect_frame(TEXT, "thanks")
    with relay.scripted_backend(script, backend_tls) as backend, relay.client(tls) as client:
        client.open(relay.path(backend_tls))
        client.expect_frame(BINARY, bytes(size))
        client.send_frame(TEXT, "thanks")
        backend.wait_for_scripts(1)


def test_a_session_that_ends_with_the_answer_reaches_the_client(relay, legs):
    tls, backend_tls = legs

    def script(connection):
        answer_with(connection, frame(TEXT, "short", mask=False) + close_frame(1000, mask=False))
    with relay.scripted_backend(script, backend_tls), relay.client(tls) as client:
        client.open(relay.path(backend_tls))
        client.expect_frame(TEXT, "short")
        assert client.expect_close() == (1000, "")


# Closing


CLOSES = [(4001, "bye"), (3000, "x"), (1000, ""), (1000, "r" * 123), (1014, "\u20ac"),
          (NO_STATUS, "")]


@pytest.mark.parametrize("code, reason", CLOSES)
@pytest.mark.parametrize("by_client", [True, False], ids=["by-client", "by-backend"])
def test_a_close_crosses_and_both_connections_end(session, by_client, code, reason):
    closing, answering = session if by_client else reversed(session)
    closing.send_close(None if code == NO_STATUS else code, reason)
    assert answering.expect_close() == (code, reason)
    answering.send_close(3999, "answer")
    assert closing.expect_close() == (3999, "answer")
    assert_end_promptly(*session)


def test_closes_that_cross_reach_both_sides(session):
    client, backend = session
    client.send_close(4001, "bye")
    backend.send_close(4002, "enough")
    assert client.expect_close() == (4002, "enough")
    assert backend.expect_close() == (4001, "bye")
    assert_end_promptly(*session)


@pytest.mark.parametrize("by_client", [True, False], ids=["by-client", "by-backend"])
def test_both_connections_end_over_tls(relay, legs, by_client):
    with relay.session(*legs) as session:
        closing, answering = session if by_client else reversed(session)
        closing.send_close(4001, "bye")
        assert answering.expect_close() == (4001, "bye")
        answering.send_close(4001, "bye")
        assert closing.expect_close() == (4001, "bye")
        assert_end_promptly(*session)


@pytest.mark.parametrize("by_client", [True, False], ids=["by-client", "by-backend"])
def test_what_comes_before_a_close_is_delivered(session, by_client):
    closing, answering = session if by_client else reversed(session)
    closing.send_frame(BINARY, bytes(100000))
    closing.send_close(1000)
    answering.expect_frame(BINARY, bytes(100000))
    assert answering.expect_close() == (1000, "")


@pytest.mark.parametrize("by_client", [True, False], ids=["by-client", "by-backend"])
def test_what_comes_before_the_answer_to_a_close_is_delivered(session, by_client):
    closing, answering = session if by_client else reversed(session)
    closing.send_close(1000)
    assert answering.expect_close() == (1000, "")
    answering.send_frame(TEXT, "last words")
    answering.send_close(1000)
    closing.expect_frame(TEXT, "last words")
    assert closing.expect_close() == (1000, "")
    assert_end_promptly(*session)


@pytest.mark.parametrize("by_client", [True, False], ids=["by-client", "by-backend"])
def test_an_end_right_after_a_close_lets_the_close_arrive(relay, legs, by_client):
    with relay.session(*legs) as session:
        closing, answering = session if by_client else reversed(session)
        closing.send_close(4001, "bye")
        closing.close()
        assert answering.expect_close() == (4001, "bye")
        answering.send_close(4001)
        assert_end_promptly(answering)


def test_well_behaved_ends_close_with_the_clients_code(relay):
    async def close():
        async with connect(relay.url()) as ws:
            await ws.close(4001, "bye")
        return ws.close_code, ws.close_reason
    with relay.websockets_backend() as backend:
        assert run(close(), timeout=PROMPT_SECONDS) == (4001, "bye")
        assert backend.wait_until_closed(1) == [4001]
        assert backend.sessions[0].close_reason == "bye"


@pytest.mark.parametrize("code, reason", [(3000, "x"), (1000, "")])
def test_well_behaved_ends_close_with_the_backends_code(relay, code, reason):
    async def handler(ws):
        await ws.close(code, reason)

    async def wait_closed():
        async with connect(relay.url()) as ws:
            await ws.wait_closed()
        return ws.close_code, ws.close_reason
    with relay.websockets_backend(handler) as backend:
        assert run(wait_closed(), timeout=PROMPT_SECONDS) == (code, reason)
        assert backend.wait_until_closed(1) == [code]


def test_a_backend_ends_its_connection_first_so_that_no_port_of_httpds_lingers(relay, tls):
    ports = []

    async def note_port(ws):
        ports.append(ws.remote_address[1])
        await ws.wait_closed()

    async def close():
        async with connect(relay.url(tls)):
            pass

    with relay.websockets_backend(note_port) as backend:
        run(close(), timeout=PROMPT_SECONDS)
        port, = ports
        wait_until(lambda: (backend.port, port) in processes.lingering(), "the backend's end lingers")
        assert (port, backend.port) not in processes.lingering()


# Peers that are lost


@pytest.mark.parametrize("vanish, cause", [("close", "left without a Close frame"),
                                           ("reset", "[Cc]onnection reset by peer")])
def test_a_lost_backend_closes_the_client_with_1014(relay, legs, wait_for_log, vanish, cause):
    with relay.session(*legs) as (client, backend):
        getattr(backend, vanish)()
        assert client.expect_close()[0] == 1014
        client.send_close(1014)
        assert_end_promptly(client)
        wait_for_log(rf"ws:(?:warn|info).*the backend {relay.worker(legs[1])} was lost: .*{cause}")


@pytest.mark.parametrize("sent", [1, 2, 5, 1000])
def test_a_backend_lost_inside_a_frame_just_ends_the_client(relay, legs, wait_for_log, sent):
    data = frame(BINARY, bytes(2000), mask=False)[:sent]
    with relay.session(*legs) as (client, backend):
        backend.send(data)
        if sent > 4:
            client.read_exact(sent)  # a header goes on only when it is whole
        backend.close()
        if sent > 4:
            assert_end_promptly(client)
            wait_for_log(rf"{relay.worker(legs[1])} was lost inside a frame: ")
        else:
            assert client.expect_close()[0] == 1014


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_a_lost_client_closes_the_backend_with_1001(relay, legs, wait_for_log, vanish):
    with relay.session(*legs) as (client, backend):
        getattr(client, vanish)()
        assert backend.expect_close()[0] == 1001
        backend.send_close(1001)
        assert_end_promptly(backend)


def test_a_client_lost_inside_a_frame_just_ends_the_backend(relay, legs):
    with relay.session(*legs) as (client, backend):
        client.send(frame(BINARY, bytes(2000))[:1000])
        backend.read_exact(1000)
        client.close()
        assert_end_promptly(backend)


# Violations


CLIENT_VIOLATIONS = {
    "unmasked": frame(TEXT, "hello", mask=False),
    "reserved-opcode": frame(0x3, b"hello"),
    "reserved-bit": frame(TEXT, "hello", rsv=4),
    "bad-close-code": close_frame(NO_STATUS),
    "close-of-one-byte": frame(CLOSE, b"x"),
    "long-ping": frame(PING, bytes(126)),
    "fragmented-ping": frame(PING, b"x", fin=False),
    "lone-continuation": frame(CONTINUATION, b"x"),
}
BACKEND_VIOLATIONS = {
    "masked": frame(TEXT, "hello", mask=DEFAULT_MASK),
    "reserved-opcode": frame(0xB, b"hello", mask=False),
    "reserved-bit": frame(TEXT, "hello", rsv=2, mask=False),
    "bad-close-code": close_frame(1006, mask=False),
    "new-message-too-early": frame(TEXT, "a", fin=False, mask=False) + frame(TEXT, "b", mask=False),
}


@pytest.mark.parametrize("sent", CLIENT_VIOLATIONS.values(), ids=CLIENT_VIOLATIONS)
def test_a_clients_violation_gets_1002_and_the_backend_1001(session, wait_for_log, sent):
    client, backend = session
    client.send(frame(TEXT, "before") + sent)
    assert client.expect_close()[0] == 1002
    backend.expect_frame(TEXT, "before")
    assert backend.expect_close()[0] == 1001
    backend.send_close(1001)
    assert_end_promptly(client, backend)
    wait_for_log("the client broke the protocol: ")


@pytest.mark.parametrize("sent", BACKEND_VIOLATIONS.values(), ids=BACKEND_VIOLATIONS)
def test_a_backends_violation_gets_1002_and_the_client_1001(relay, session, wait_for_log, sent):
    client, backend = session
    backend.send(frame(TEXT, "before", mask=False) + sent)
    assert backend.expect_close()[0] == 1002
    client.expect_frame(TEXT, "before")
    if sent is BACKEND_VIOLATIONS["new-message-too-early"]:
        client.read_frame()
    assert client.expect_close()[0] == 1001
    client.send_close(1001)
    assert_end_promptly(backend, client)
    wait_for_log(f"ws:(?:warn|info).*the backend {relay.worker()} broke the protocol: ")


def test_a_clients_violation_waits_for_the_backends_frame(session):
    client, backend = session
    whole = frame(BINARY, bytes(2000), mask=False)
    backend.send(whole[:1000])
    client.read_exact(1000)
    client.send_frame(TEXT, "hello", mask=False)
    assert backend.expect_close()[0] == 1001
    backend.send(whole[1000:])
    assert client.read_exact(len(whole) - 1000) == whole[1000:]
    assert client.expect_close()[0] == 1002


# Compression


def test_compression_is_between_the_ends(relay, legs):
    messages = ["hello " * 10000, "", b"hello " * 10000]
    tls, backend_tls = legs
    with relay.websockets_backend(tls=backend_tls, compression="deflate") as backend:
        assert exchange(relay.url(*legs), messages, compression="deflate") == messages
        assert "permessage-deflate" in backend.sessions[0].headers["Sec-WebSocket-Extensions"]


def test_refuses_the_compression_bit_without_the_extension(session):
    client, backend = session
    client.send_frame(TEXT, "hello", rsv=4)
    assert client.expect_close()[0] == 1002
    assert backend.expect_close()[0] == 1001


def test_descriptors_are_freed(relay):
    child, = relay.server.children()
    with relay.websockets_backend():
        assert exchange(relay.url(), ["hello"]) == ["hello"]
        before = len(relay.server.open_fds(child))
        for _ in range(20):
            assert exchange(relay.url(), ["hello"]) == ["hello"]
        wait_until(lambda: len(relay.server.open_fds(child)) <= before,
                   lambda: f"{before} descriptors, {relay.server.open_fds(child)}")
