"""The examples, each with its file in conf/."""

import re
import subprocess
from contextlib import ExitStack

import pytest

from support import processes
from support.frames import BINARY, TEXT, close_frame
from support.handler_modules import SEVERAL_CHILDREN, load_handlers
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend


@pytest.fixture
def example(recipe):
    """A running Recipe with a handler's module."""
    return lambda name, changes=None, **options: recipe(
        name, changes, load_handlers(name.removesuffix(".conf")), **options)


def read_text(client):
    received = client.read_frame()
    assert received.opcode == TEXT
    return received.payload.decode()


def test_chat_speaks_to_the_room_in_all_children(recipe):
    site = recipe("chat.conf", None, load_handlers("chat") + SEVERAL_CHILDREN, threads=5, modules=())
    with ExitStack() as stack:
        clients = [stack.enter_context(site.client()) for _ in range(6)]
        for number, client in enumerate(clients):
            client.open(f"/chat?name=user{number}&room=engines")
            texts = {read_text(client), read_text(client)}
            assert texts == {f"user{number} has joined", f"{number + 1} here"}
            for other in clients[:number]:
                assert read_text(other) == f"user{number} has joined"
        clients[0].send_frame(TEXT, "hello")
        for client in clients:
            assert read_text(client) == "user0: hello"
        clients[0].close()
        for client in clients[1:]:
            assert read_text(client) == "user0 has left"


@pytest.mark.parametrize("query", ["", "name=", "name=a%20b", "name=" + 31 * "x"])
def test_chat_wants_a_name(example, query):
    with example("chat.conf").client() as client:
        response = client.handshake(f"/chat?{query}")
        assert response.status == 400
        assert b"Choose a name" in response.body


def test_publish_conf_speaks_to_a_chat_room(recipe):
    site = recipe("publish.conf", None, load_handlers("chat") + '<Location "/chat">\nWebSocketHandler chat\n</Location>')
    with site.client() as client, site.client() as publisher:
        client.open("/chat?name=ada")
        {read_text(client), read_text(client)}
        publisher.send(b"POST /publish/chat/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nnotice")
        assert publisher.read_response().status == 204
        assert read_text(client) == "notice"


def test_filewatch_sends_a_file_when_it_changes(example, open_directory):
    file = open_directory / "news.txt"
    file.write_text("one")
    site = example("filewatch.conf", {"/etc/motd": file})
    with site.client() as client, site.client() as late, site.client() as current:
        client.open("/filewatch")
        modified, text = read_text(client).split("\n", 1)
        assert text == "one"
        current.open(f"/filewatch?lastMod={modified}")
        late.open("/filewatch?lastMod=1")
        assert read_text(late).split("\n", 1)[1] == "one"
        file.write_text("two")
        for one in (client, late, current):
            assert read_text(one).split("\n", 1)[1] == "two"


def test_filewatch_sends_what_is_no_text_as_binary(example, open_directory):
    file = open_directory / "picture"
    file.write_bytes(b"\x89PNG\r\n")
    with example("filewatch.conf", {"/etc/motd": file}).client() as client:
        client.open("/filewatch")
        received = client.read_frame()
        assert received.opcode == BINARY
        assert received.payload.split(b"\n", 1)[1] == b"\x89PNG\r\n"


def test_command_speaks_line_by_line(example):
    with example("command.conf", {'"exec bc --interactive"': "cat"}).client() as client:
        client.open("/command")
        for line in ("hello", "", "x" * 60_000):
            client.send_frame(TEXT, line)
            assert read_text(client) == line


def test_command_closes_when_the_process_ends(example):
    with example("command.conf", {'"exec bc --interactive"': '"echo last words >&2"'}).client() as client:
        client.open("/command")
        assert read_text(client) == "last words"
        assert client.expect_close()[0] == 1000


def lives(pid):
    return processes.parent_of(pid) is not None


def is_stuck(shell, program):
    """The shell's child is this program, which waits. What the shell forks is a shell at first, to which a signal is lost."""
    children = processes.children_of(shell)
    return [processes.name_of(child) for child in children] == [program] and all(map(processes.is_at_rest, children))


@pytest.fixture
def command(example):
    """A running httpd whose /command runs this line."""
    return lambda line: example("command.conf", {"exec bc --interactive": line})


@pytest.fixture
def interrupted(open_directory):
    """Files that a command may write."""
    open_directory.chmod(0o777)
    return open_directory / "interrupted"


def test_command_interrupts_and_then_kills(command, interrupted):
    stubborn = f"trap ': >{interrupted}' INT; echo $$; while :; do sleep 0.05; done"
    with command(stubborn).client() as client:
        client.open("/command")
        pid = int(read_text(client))
        client.close()
        wait_until(lambda: not lives(pid), "the process is killed")
        assert interrupted.exists()
        wait_until(lambda: not (processes.PROC / str(pid)).exists(), "and reaped")


def test_command_interrupts_one_whose_output_nobody_takes(command, interrupted):
    site = command(f"trap ': >{interrupted}' INT; echo $$; while :; do yes; done")
    (child,) = site.server.children()
    with site.client() as client:
        client.open("/command")
        pid = int(read_text(client))
        wait_until(lambda: is_stuck(pid, "yes") and processes.is_at_rest(child), "the output waits")
        client.close()
        wait_until(lambda: not lives(pid), "the process is killed")
        assert interrupted.exists()


def test_command_interrupts_one_that_has_hardly_begun(command, interrupted):
    site = command(f"sleep 0.4; : >{interrupted}")
    (child,) = site.server.children()
    with site.client() as client:
        client.handshake("/command", extra=close_frame(1000, mask=True))
        assert client.expect_close()[0] == 1000
        wait_until(lambda: not processes.children_of(child), "the process ends")
        assert not interrupted.exists()


def allow_no_further_process(pid):
    user, group = processes.user_and_group_of(pid)  # others may not limit it
    subprocess.run(["prlimit", "--pid", str(pid), "--nproc=0"], user=user, group=group, check=True)


def test_command_that_cannot_be_run_leaves_no_descriptor(command):
    site = command("cat")
    with site.client() as client:
        client.open("/command")  # so that there is all that a first session makes
        client.send_frame(TEXT, "begun")
        client.expect_frame(TEXT, "begun")
        (child,) = site.server.children()
        before = len(processes.open_fds(child))
        allow_no_further_process(child)
        for _ in range(3):
            with site.client() as refused:
                refused.open("/command")
                assert refused.expect_close()[0] == 1011
        wait_until(lambda: len(processes.open_fds(child)) <= before, lambda: processes.open_fds(child))


def test_client_ticks_at_the_server_it_dials(example):
    site = example("client.conf")
    with WebsocketsBackend(port=site.ports[0]) as backend, site.client() as client:
        client.open("/client")
        assert re.fullmatch(r"\d\d:\d\d:\d\d", read_text(client))
        client.send_frame(TEXT, "hello")
        texts = [read_text(client), read_text(client)]
        assert "hello" in texts
        client.send_close(1000)
        assert backend.wait_until_closed(1) == [1000]


def test_client_says_why_there_is_no_server(example):
    with example("client.conf").client() as client:
        client.open("/client")
        code, reason = client.expect_close()
        assert code == 1014 and "refused" in reason.lower()
