"""The pieces of a scenario in which one side of a relayed session fails: the process that does, the session, its ending."""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from support.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame, parse_close_payload
from support.raw_client import RawClient
from support.scripted_backend import BackendConnection
from support.waiting import patience

RESETS = struct.pack("ii", 1, 0)  # with SO_LINGER
PROGRAM = Path(__file__).with_name("victim_program.py")
FAULTS = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP, "slow": signal.SIGSTOP, "reset": signal.SIGUSR1,
          "half-closed": signal.SIGUSR2}


class Victim:
    """A process between one end and httpd: what happens to it happens to that end, as httpd sees it."""

    def __init__(self, port, target, accepts):
        """Listens on `port`; `accepts`: httpd is who connects."""
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.port = listener.getsockname()[1]
            os.set_inheritable(listener.fileno(), True)
            words = [str(listener.fileno()), str(target), "accepts" if accepts else "connects"]
            self.process = subprocess.Popen([sys.executable, "-S", "-E", PROGRAM, *words], stdout=subprocess.PIPE,
                                            pass_fds=[listener.fileno()])
        assert self.process.stdout.read(1) == b"!"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def suffer(self, fault):
        """Returns when it has happened."""
        self.process.send_signal(FAULTS[fault])
        if FAULTS[fault] != signal.SIGSTOP:
            self.process.stdout.read(1)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Scene:
    """A session between a client and a backend, one of which (`faulty`) is behind a victim."""

    def __init__(self, stack, server, backend_port, path, faulty):
        self.stack, self.server, self.path, self.faulty = stack, server, path, faulty
        self.client = self.backend = None
        self.listener = stack.enter_context(
            socket.create_server(("127.0.0.1", 0 if faulty == "backend" else backend_port)))
        self.listener.settimeout(patience(10))
        if faulty == "backend":
            self.victim = Victim(backend_port, self.listener.getsockname()[1], accepts=True)
        else:
            self.victim = Victim(0, server.port, accepts=False)
        stack.enter_context(self.victim)

    def connect(self):
        port = self.server.port if self.faulty == "backend" else self.victim.port
        self.client = self.stack.enter_context(RawClient("127.0.0.1", port))

    def request(self):
        self.client.send(self.client.handshake_bytes(self.path))

    def arrive(self):
        """The request does, at the backend."""
        sock, _ = self.listener.accept()
        self.backend = self.stack.enter_context(BackendConnection(sock))
        self.head = self.backend.read_head()

    def answer(self):
        self.backend.accept(self.head)
        response = self.client.read_response()
        assert response.status == 101

    def open(self):
        self.connect()
        self.request()
        self.arrive()
        self.answer()

    def close(self):
        """As a session ends that nothing has happened to."""
        self.client.send_close(1000)
        assert self.backend.expect_close() == (1000, "")
        self.backend.send_close(1000)
        assert self.client.expect_close() == (1000, "")

    def let_go(self):
        """What the end that has not failed does at last, and the other one where it was only slow."""
        for end in filter(None, (self.client, self.backend)):
            end.close()

    @property
    def ends(self):
        """(the faulty end, the other one)"""
        return (self.backend, self.client) if self.faulty == "backend" else (self.client, self.backend)


def read_data(end):
    """The next frame that is no ping; pings are answered."""
    while (got := end.read_frame()).opcode == PING:
        end.send_frame(PONG, got.payload)
    return got


def trickle(end, data):
    """Byte by byte."""
    for place in range(len(data)):
        end.send(data[place:place + 1])


# Phases: what is under way when the fault comes. Each brings a scene there; then, after the fault, the other end may do
# something; and where the fault was mere slowness, the rest follows, and the other end gets all of it.


def backend_connecting(scene):
    scene.connect()
    yield
    scene.request()
    yield
    scene.arrive()
    scene.answer()


def backend_handshake(scene):
    scene.connect()
    scene.request()
    scene.arrive()
    answer = scene.backend.answer_bytes(scene.head)
    scene.backend.send(answer[:40])
    yield
    yield
    trickle(scene.backend, answer[40:])
    assert scene.client.read_response().status == 101


def client_connecting(scene):
    scene.connect()
    request = scene.client.handshake_bytes(scene.path)
    scene.client.send(request[:40])
    yield
    yield
    trickle(scene.client, request[40:])
    scene.arrive()
    scene.answer()


def client_handshake(scene):
    """The backend has the request, and answers when the client has failed."""
    scene.connect()
    scene.request()
    scene.arrive()
    yield
    scene.backend.accept(scene.head)
    yield
    assert scene.client.read_response().status == 101


def idle(scene):
    scene.open()
    yield
    yield
    faulty, other = scene.ends
    trickle(faulty, frame(TEXT, "late", mask=faulty.is_client))
    assert read_data(other).payload == b"late"


def mid_frame(scene):
    scene.open()
    faulty, other = scene.ends
    data = frame(TEXT, "a frame in two halves", mask=faulty.is_client)
    faulty.send(data[:12])
    assert other.read_exact(12) == data[:12]
    yield
    yield
    trickle(faulty, data[12:])
    assert other.read_exact(len(data) - 12) == data[12:]


def mid_message(scene):
    scene.open()
    faulty, other = scene.ends
    faulty.send_frame(TEXT, "first ", fin=False)
    assert other.read_frame().payload == b"first "
    yield
    yield
    trickle(faulty, frame(CONTINUATION, "last", mask=faulty.is_client))
    assert read_data(other).payload == b"last"


def closing(scene):
    """The other end has sent its Close frame."""
    scene.open()
    faulty, other = scene.ends
    other.send_close(4001)
    assert faulty.expect_close() == (4001, "")
    yield
    yield
    trickle(faulty, close_frame(4002, mask=faulty.is_client))
    assert other.expect_close() == (4002, "")


def closed(scene):
    """The faulty end has sent its Close frame, and fails before the answer comes."""
    scene.open()
    faulty, other = scene.ends
    faulty.send_close(4001)
    assert other.expect_close() == (4001, "")
    yield
    other.send_close(4002)
    yield
    assert faulty.expect_close() == (4002, "")


PHASES = {
    "backend": {"connecting": backend_connecting, "handshake": backend_handshake, "idle": idle, "mid-frame": mid_frame,
                "mid-message": mid_message, "closing": closing, "closed": closed},
    "client": {"connecting": client_connecting, "handshake": client_handshake, "idle": idle, "mid-frame": mid_frame,
               "mid-message": mid_message, "closing": closing, "closed": closed},
}


# Outcomes


def ending_of(end):
    """What this end gets at last: a Close frame's code, which it answers, or "cut"."""
    while not end.is_at_end():
        got = end.read_frame()
        if got.opcode == PING:
            end.send_frame(PONG, got.payload)
            continue
        assert got.opcode == CLOSE, f"no Close frame: {got}"
        code, _ = parse_close_payload(got.payload)
        end.send_close(code)
        return str(code) if end.is_at_end() else "no end after a Close frame"
    return "cut"


def answer_to(client):
    return "cut" if client.is_at_end() else str(client.read_response().status)


def has_connection(listener):
    readable, _, _ = select.select([listener], [], [], 0)
    return bool(readable)


def outcome_of(scene, phase):
    """What the other end gets."""
    if phase == "connecting" and scene.faulty == "client":
        return "something" if has_connection(scene.listener) else "nothing"
    if scene.faulty == "backend" and phase in ("connecting", "handshake"):
        return answer_to(scene.client)
    ending = ending_of(scene.ends[1])
    return "4001" if phase == "closed" and ending == "cut" else ending
