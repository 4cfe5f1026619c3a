"""Channels: what one session publishes reaches all that subscribe, in all children."""

import os
import signal
from contextlib import ExitStack

import pytest

from support.frames import BINARY, TEXT
from support.handler_modules import SEVERAL_CHILDREN, load_handlers
from support.httpd import server_root
from support.keepers import wait_for_keepers
from support.raw_client import RawClient
from support.waiting import wait_until

CONFIG = load_handlers("members") + """
<Location "/member">
    WebSocketHandler member
</Location>
<Location "/small">
    WebSocketHandler member
    WebSocketSendQueue 64K close
</Location>
<Location "/publish">
    SetHandler websocket-publish
</Location>
<Location "/api/v1/publish/">
    SetHandler websocket-publish
    WebSocketMaxMessageSize off
</Location>
<Location "/choosy">
    WebSocketHandler choosy
</Location>
"""


class Members:
    """Sessions of one httpd, of which each knows its process."""

    def __init__(self, server, stack):
        self.server = server
        self._stack = stack

    def join(self, channel, path="/member"):
        client = self._stack.enter_context(RawClient("127.0.0.1", self.server.port))
        client.open(f"{path}?{channel}")
        client.pid = int(client.read_frame().payload.split()[1])
        return client

    def join_several_processes(self, channel, processes):
        """One member in each of so many processes."""
        members = {}

        def joins_another():
            member = self.join(channel)
            if member.pid in members:
                member.send_close(1000)
                member.expect_close()
            members.setdefault(member.pid, member)
            return len(members) >= processes
        wait_until(joins_another, f"members in {processes} processes", 30)
        return list(members.values())

    def join_two_loops_and_another_process(self, channel):
        """Of one process a member on the first loop and one on the second, and one of another process."""
        members = {}

        def joins_a_second_loop():
            member = self.join(channel)
            members.setdefault(member.pid, []).append(member)
            return len(members) > 1 and any(len(known) > 1 for known in members.values())
        wait_until(joins_a_second_loop, "two members in one process, and one in another", 30)
        two = max(members.values(), key=len)
        return *two[:2], next(known[0] for known in members.values() if known is not two)


@pytest.fixture
def start(httpd):
    with ExitStack() as stack:
        yield lambda config="", **options: Members(
            httpd(CONFIG + config, **{"threads": 5, **options}), stack)


@pytest.fixture
def members(start):
    return start(SEVERAL_CHILDREN)


def say(member, text):
    member.send_frame(TEXT, text)


def test_reach_all_members_in_all_children(members):
    crowd = members.join_several_processes("room", 3)
    for number, speaker in enumerate(crowd):
        say(speaker, f"hello {number}")
        for member in crowd:
            member.expect_frame(TEXT, f"hello {number}")


def test_reach_all_children_of_prefork(start):
    crowd = start("StartServers 4\nMinSpareServers 4\nKeepAlive Off\n", mpm="prefork", threads=8).join_several_processes("room", 2)
    say(crowd[0], "hello")
    for member in crowd:
        member.expect_frame(TEXT, "hello")


def test_keep_the_order_of_a_publisher(members):
    speaker, *others = members.join_several_processes("room", 2)
    for number in range(500):
        say(speaker, str(number))
    for member in (speaker, *others):
        for number in range(500):
            member.expect_frame(TEXT, str(number))


def test_carry_messages_of_any_kind_and_size(members):
    speaker, other = members.join_several_processes("room", 2)
    for message in (b"", b"\x00\xff", bytes(900_000)):
        speaker.send_frame(BINARY, message)
        for member in (speaker, other):
            member.expect_frame(BINARY, message)


def test_are_apart_and_can_be_left(members):
    inside, outside = members.join("one"), members.join("two")
    say(outside, "leave")
    outside.expect_frame(TEXT, "left")
    say(outside, "join one")
    outside.expect_frame(TEXT, "joined")
    say(inside, "hello")
    outside.expect_frame(TEXT, "hello")
    say(outside, "to two, where nobody is")
    say(outside, "count")
    outside.expect_frame(TEXT, "count 0")


def test_are_published_to_from_any_thread(members):
    speaker, other = members.join_several_processes("room", 2)
    say(speaker, "thread of its own")
    for member in (speaker, other):
        member.expect_frame(TEXT, "thread of its own")


def test_know_how_many_subscribe_in_all_children(members):
    crowd = members.join_several_processes("room", 3)
    say(crowd[0], "count")
    crowd[0].expect_frame(TEXT, "count 3")
    crowd[1].send_close(1000)
    crowd[1].expect_close()

    def count_is_2():
        say(crowd[0], "count")
        return crowd[0].read_frame().payload == b"count 2"
    wait_until(count_is_2, "the one that left is not counted")


def test_go_on_when_a_child_is_killed(start):
    members = start(SEVERAL_CHILDREN, may_crash=True)
    crowd = members.join_several_processes("room", 3)
    os.kill(crowd[0].pid, signal.SIGKILL)
    crowd[0].read_eof()
    newcomer = members.join("room")
    say(newcomer, "still here?")
    for member in (*crowd[1:], newcomer):
        member.expect_frame(TEXT, "still here?")


def test_do_not_wait_for_a_member_that_reads_nothing(members):
    lazy = members.join("room", "/small")
    speaker = members.join("room")
    message = bytes(60_000)
    for _ in range(200):
        speaker.send_frame(BINARY, message)
        speaker.expect_frame(BINARY, message)
    members.server.wait_for_log("takes data too slowly")
    while (received := lazy.read_frame()).opcode == BINARY:
        pass
    assert int.from_bytes(received.payload[:2], "big") == 1008


def test_do_not_wait_for_a_loop_that_a_handler_blocks(start):
    members = start(SEVERAL_CHILDREN + "WebSocketEngineThreads 2\nWebSocketBlockedLoopWarning 50ms\n")
    blocker, beside, elsewhere = members.join_two_loops_and_another_process("room")
    with server_root() as root:
        say(blocker, f"block {root / 'go-on'}")
        members.server.wait_for_log("handler member has kept its event loop")
        for speaker, text in ((elsewhere, "to the others"), (beside, "from the others")):
            say(speaker, text)
            for member in (beside, elsewhere):
                member.expect_frame(TEXT, text)
        (root / "go-on").touch()
        for text in ("to the others", "from the others"):
            blocker.expect_frame(TEXT, text)


def test_carry_what_a_session_publishes_as_its_process_ends(start):
    members = start("StartServers 1\nServerLimit 3\nWebSocketEngineThreads 2\n")
    first, ending = members.join("room"), members.join("room")
    say(ending, "will goodbye")
    ending.expect_frame(TEXT, "noted")
    first.send_close(1000)  # its loop has nothing to wait for
    first.expect_close()
    old = set(members.server.children())
    members.server.graceful()
    wait_until(lambda: not old & set(members.server.children()), "the old child ends")
    (keeper,) = wait_for_keepers(members.server, 1)
    stayer = members.join("room")
    os.kill(keeper, signal.SIGTERM)
    assert ending.expect_close()[0] == 1001
    stayer.expect_frame(TEXT, "goodbye")


# Publishing over HTTP


def ask(server, method, channel, body=None, headers=None, location="/publish"):
    with RawClient("127.0.0.1", server.port) as client:
        fields = {"Host": "localhost", "Connection": "close", **(headers or {})}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.send(f"{method} {location}/{channel} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
        return client.read_response()


def test_a_post_reaches_all_subscribers(members):
    crowd = members.join_several_processes("chat/room", 2)
    for body, content_type, opcode in ((b"text", "text/plain", TEXT), (b'{"a": 1}', "application/json", TEXT),
                                       (b"\xff\x00", "application/octet-stream", BINARY),
                                       (b"unnamed", None, TEXT), (b"\xff", None, BINARY)):
        headers = {"Content-Type": content_type} if content_type else {}
        assert ask(members.server, "POST", "chat/room", body, headers).status == 204
        for member in crowd:
            member.expect_frame(opcode, body)


def test_a_get_tells_the_number_of_subscribers(members):
    members.join_several_processes("room", 2)
    response = ask(members.server, "GET", "room")
    assert (response.status, response.body) == (200, b'{"subscribers": 2}\n')
    assert ask(members.server, "GET", "nobody").body == b'{"subscribers": 0}\n'


@pytest.mark.parametrize("method, channel, body, headers, status", [
    ("POST", "room", b"\xff", {"Content-Type": "text/plain"}, 400),
    pytest.param("POST", "room", bytes((1 << 20) + 1), {}, 413, id="large"),
    ("POST", "", b"text", {}, 404),
    ("POST", "../publish", b"text", {}, 404),
    ("POST", "room", b"text", {"Origin": "https://evil.example"}, 403),
    ("DELETE", "room", None, {}, 405)])
def test_what_cannot_be_published_is_refused(members, method, channel, body, headers, status):
    member = members.join("room")
    assert ask(members.server, method, channel, body, headers).status == status
    say(member, "only this")
    member.expect_frame(TEXT, "only this")


def test_the_channel_is_what_stands_behind_the_location_whatever_files_there_are(members):
    (members.server.config.htdocs / "publish" / "chat").mkdir(parents=True)
    (members.server.config.htdocs / "api" / "v1" / "publish").mkdir(parents=True)
    member = members.join("chat/lobby")
    for location in ("/publish", "/api/v1/publish"):
        assert ask(members.server, "POST", "chat/lobby", b"hello", location=location).status == 204
        member.expect_frame(TEXT, "hello")


def test_a_body_has_no_limit_where_messages_have_none(members):
    member = members.join("room")
    body = b"x" * 3_000_000
    assert ask(members.server, "POST", "room", body, location="/api/v1/publish").status == 204
    member.expect_frame(TEXT, body)


def test_a_child_without_sessions_publishes_to_the_others(start):
    members = start(SEVERAL_CHILDREN)
    member = members.join("room")
    # Each of these requests is refused, so no child but the member's ever has a session.
    for number in range(10):
        with RawClient("127.0.0.1", members.server.port) as client:
            response = client.handshake(f"/choosy?refuse=403&publish={number}", headers={"Origin": "https://friend.example"})
            assert response.status == 403
        member.expect_frame(TEXT, str(number))


def test_what_a_handler_throws_at_a_request_is_500(start):
    members = start()
    with RawClient("127.0.0.1", members.server.port) as client:
        assert client.handshake("/choosy?throw", headers={"Origin": "https://friend.example"}).status == 500
    members.server.wait_for_log("mod_ws could not serve /choosy: something was thrown")
