"""What the machine allows a child: where it runs out new sessions are refused, and the others go on."""

import os
import resource
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from support import processes
from support.frames import BINARY, TEXT, frame_header
from support.keepers import wait_for_keepers
from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import wait_until

pytestmark = pytest.mark.measures_memory
# One child, so that its limits are all limits. Kept connections take descriptors of it, and so does
# httpd where it looks for a .htaccess.
ONE_CHILD = """
KeepAlive Off
<Directory "/">
    AllowOverride None
</Directory>
"""
ECHO = """
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/large">
    WebSocketHandler echo
    WebSocketMaxMessageSize 2G
    WebSocketCompression off
</Location>
"""
BALANCER = """
<Proxy "balancer://backends">
    BalancerMember "ws://127.0.0.1:${BACKEND_PORT}"
</Proxy>
ProxyPass "/balanced" "balancer://backends"
"""
BALANCER_MODULES = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
# The client's, and fewer than what the session needs besides.
FREE_DESCRIPTORS = {"/echo": 1, "/plain": 3, "/balanced": 3}
# With so many, what is the first that there is none for.
FIRST_MISSING = {"the keeper's pipe": 1, "the loop": 3, "its mailbox": 4, "the mesh's loop": 5, "its listener": 7,
                 "the stand-in": 8, "the duplicate": 10}


# A message grows to more than what is left, in address space that no other work needs.
ROOM_BYTES = 96 << 20
MESSAGE_BYTES = 1 << 30
PIECE_BYTES = 1 << 20


class Sessions:
    """Sessions of one server, which stay until the test ends."""

    def __init__(self, server, stack):
        self.server = server
        self.clients = []
        self._stack = stack

    def ask(self, path):
        """(client, the answer)"""
        client = self._stack.enter_context(RawClient("127.0.0.1", self.server.port))
        return client, client.handshake(path)

    def open(self, path, count=1):
        for _ in range(count):
            client, answer = self.ask(path)
            assert answer.status == 101
            self.clients.append(client)

    def open_at_last(self, path):
        """Tries until it gets a session."""
        def opens():
            client, answer = self.ask(path)
            if answer.status == 101:
                self.clients.append(client)
            return answer.status == 101
        wait_until(opens, f"a session at {path}")

    def refuse(self, path):
        client, answer = self.ask(path)
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "10")
        client.close()

    def echo(self):
        """All of them do."""
        for number, client in enumerate(self.clients):
            client.send_frame(TEXT, f"session {number}")
            client.expect_frame(TEXT, f"session {number}")


@pytest.fixture
def start(httpd):
    """start(config, **options) gives the sessions of a server that has one child."""
    with ExitStack() as stack:
        yield lambda config=ECHO, **options: Sessions(
            httpd(ONE_CHILD + config, **{"threads": 8, **options}), stack)


@pytest.fixture
def start_relay(httpd):
    with ExitStack() as stack:
        relay = Relay(httpd, ONE_CHILD + BALANCER, threads=8, modules=BALANCER_MODULES)
        stack.enter_context(relay.websockets_backend())
        yield lambda: Sessions(relay.server, stack)


@contextmanager
def limit(pid, name, soft):
    """As the child's user, who may do it everywhere; root may not in a container."""
    def change(value, check=True):
        subprocess.run(["prlimit", "--pid", str(pid), f"--{name}={value}:"], check=check,
                       **identity)

    uid, *_, gid = processes.user_and_group_of(pid)
    identity = {"user": uid, "group": gid} if os.geteuid() == 0 else {}

    inherited, _ = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    change(soft)
    try:
        yield
    finally:
        change("unlimited" if inherited == resource.RLIM_INFINITY else inherited, check=False)  # it may have ended


@contextmanager
def free_descriptors(server, count):
    """The child can open so many more. The limit is one of numbers, and a new one has the lowest that is free."""
    child, = server.children()
    wait_until(lambda: processes.is_at_rest(child), "nothing is under way")
    used = processes.open_fds(child)
    free = [number for number in range(max(used) + count + 2) if number not in used]
    with limit(child, "nofile", free[count]):
        yield


def only_line(server, regex):
    """It is not written for each refusal."""
    server.wait_for_log(regex)
    lines = [line for line in server.complaints() if "ws:error" in line]
    assert len(lines) == 1, lines


@pytest.mark.parametrize("path", FREE_DESCRIPTORS)
def test_without_descriptors_new_sessions_get_503_and_the_others_go_on(start, start_relay, path):
    sessions = start() if path == "/echo" else start_relay()
    sessions.open(path, 5)
    child, = sessions.server.children()
    with free_descriptors(sessions.server, FREE_DESCRIPTORS[path]):
        used = len(processes.open_fds(child))
        for _ in range(3):
            sessions.refuse(path)
            # httpd ends a child that has no descriptor for the next client.
            wait_until(lambda: len(processes.open_fds(child)) == used, "the client's connection is closed")
        sessions.echo()
    only_line(sessions.server, r"ws:error.*refused with 503: this process may have no more than \d+ open files "
                               r"\(APACHE_ULIMIT_MAX_FILES ")
    sessions.open(path, 3)
    sessions.echo()


@pytest.mark.parametrize("free", FIRST_MISSING.values(), ids=FIRST_MISSING)
def test_without_descriptors_for_the_first_session_it_is_refused_and_the_next_one_is_not(start, free):
    sessions = start("WebSocketEngineThreads 1\n" + ECHO)
    with free_descriptors(sessions.server, free):
        sessions.refuse("/echo")
    sessions.server.wait_for_log("refused with 503: this process may have no more than")
    sessions.open("/echo", 3)
    sessions.echo()
    assert "this child cannot reach the others" not in sessions.server.error_log()


def test_without_threads_the_first_session_is_refused_and_the_next_one_is_not(start):
    sessions = start()
    child, = sessions.server.children()
    with limit(child, "nproc", 0):
        for _ in range(3):
            sessions.refuse("/echo")
    only_line(sessions.server, r"refused with 503: there may be no further thread \(TasksMax= or LimitNPROC= ")
    sessions.open("/echo", 3)
    sessions.echo()


def test_without_threads_sessions_that_have_some_go_on(start):
    sessions = start()
    sessions.open("/echo", 3)
    child, = sessions.server.children()
    with limit(child, "nproc", 0):
        sessions.open("/echo", 3)
        sessions.echo()


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_sessions_outlive_a_child_that_httpd_ends_for_lack_of_descriptors(start, mpm):
    """httpd does that where accept(2) finds none."""
    sessions = start(mpm=mpm, threads=1 if mpm == "prefork" else 8)
    sessions.open("/echo", 3)
    child, = sessions.server.children()
    with free_descriptors(sessions.server, 0):
        sessions.open_at_last("/echo")  # in the next child
        wait_until(lambda: child not in sessions.server.children(), "the child ends")
    wait_for_keepers(sessions.server, 1)
    sessions.echo()


# Memory


@pytest.mark.plain_build  # AddressSanitizer ends a process that has no memory left
def test_a_message_that_there_is_no_memory_for_ends_its_session_only(start):
    sessions = start()
    sessions.open("/echo", 4)
    greedy, answer = sessions.ask("/large")
    assert answer.status == 101
    child, = sessions.server.children()
    with limit(child, "as", processes.address_space_bytes(child) + ROOM_BYTES):
        greedy.send(frame_header(BINARY, MESSAGE_BYTES, key=bytes(4)))
        with pytest.raises(OSError):
            for _ in range(MESSAGE_BYTES // PIECE_BYTES):
                greedy.send(bytes(PIECE_BYTES))
        sessions.echo()
        sessions.open("/echo")
        sessions.server.wait_for_log("a session's work failed, and the session may be lost: std::bad_alloc")
        sessions.server.wait_for_log("/large: ended: Cannot allocate memory")
        sessions.echo()
