"""The pieces of a scenario in which one side of a session fails: the session, the phase it is in, its ending."""

import select
import socket
from concurrent.futures import ThreadPoolExecutor

from support.certificate import server_context
from support.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame, parse_close_payload
from support.http2 import http2
from support.raw_client import RawClient
from support.scripted_backend import BackendConnection
from support.victim import Victim
from support.waiting import patience, wait_until

STREAM_FAULTS = {"RST_STREAM": lambda stream: stream.reset(), "END_STREAM": lambda stream: stream.shutdown_write()}


class Scene:
    """A session between a client and a backend, one of which (`faulty`) is behind a victim. `tls`: on both legs."""

    def __init__(self, stack, server, backend_port, path, faulty, tls=False):
        self.stack, self.server, self.path, self.faulty, self.tls = stack, server, path, faulty, tls
        self.client = self.backend = None
        self._logged = {name: len(self._lines(name)) for name in ("access.log", "sessions.log")}
        self.listener = stack.enter_context(
            socket.create_server(("127.0.0.1", 0 if faulty == "backend" else backend_port)))
        self.listener.settimeout(patience(10))
        if faulty == "backend":
            self.victim = Victim(backend_port, self.listener.getsockname()[1], accepts=True)
        else:
            self.victim = Victim(0, self.server_port, accepts=False)
        stack.enter_context(self.victim)

    @property
    def server_port(self):
        return self.server.port_of(self.tls)

    @property
    def clients_port(self):
        """Where the client connects."""
        return self.server_port if self.faulty == "backend" else self.victim.port

    def suffer(self, fault):
        self.victim.suffer(fault)

    def connect(self):
        self.client = self.stack.enter_context(RawClient("127.0.0.1", self.clients_port, self.tls))

    def request(self):
        self.client.send(self.client.handshake_bytes(self.path))

    def arrive(self):
        """The request does, at the backend."""
        sock, _ = self.listener.accept()
        self.listener.close()  # the next scene may have its port
        if self.tls:
            sock.settimeout(patience(10))
            sock = server_context().wrap_socket(sock, server_side=True)
        self.backend = self.stack.enter_context(BackendConnection(sock))
        self.head = self.backend.read_head()

    def answer(self):
        self.backend.accept(self.head)
        response = self.client.read_response()
        assert response.status == 101

    def open(self):
        """If it is not open yet."""
        if self.client is None:
            self.connect()
            self.request()
            self.arrive()
            self.answer()
            self.begin()

    def begin(self):
        """The session has, on the server as well, when a message has passed."""
        self.client.send_frame(TEXT, "begun")
        assert read_data(self.backend).payload == b"begun"

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

    def is_lingering(self, phase):
        """Whether something is left when the session has ended."""
        return (self.faulty, phase) == ("client", "connecting")

    def phase(self, name):
        """A generator, which stops where the fault comes, and again where the other end is told."""
        return PHASES[self.faulty][name](self)

    def outcome(self, phase):
        """What the other end gets."""
        if (self.faulty, phase) == ("client", "connecting"):
            return self.refusal()
        if self.faulty == "backend" and phase in ("connecting", "accepting", "handshake"):
            return answer_to(self.client)
        ending = ending_of(self.ends[1])
        return "4001" if phase == "closed" and ending == "cut" else ending

    def refusal(self):
        """What httpd has answered by itself, as it logs it."""
        status, = wait_until(lambda: [status for status, path in map(str.split, self._news("access.log")) if path == self.path],
                             "it is logged")
        assert not has_connection(self.listener)
        return status

    def ended(self):
        """How the session has, as mod_ws logs it: code and side."""
        line, = wait_until(lambda: self._news("sessions.log"), "it is logged")
        return line

    def _news(self, name):
        return self._lines(name)[self._logged[name]:]

    def _lines(self, name):
        file = self.server.config.root / name
        return file.read_text().splitlines() if file.exists() else []

    @property
    def ends(self):
        """(the faulty end, the other one)"""
        return (self.backend, self.client) if self.faulty == "backend" else (self.client, self.backend)


class Http2Scene(Scene):
    """The client, which fails, has a stream of an HTTP/2 connection; it may end the stream only."""

    @property
    def server_port(self):
        return self.server.tls_port

    def open(self):
        connection = self.stack.enter_context(http2(self.server, self.clients_port))
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(connection.open, self.path)
            self.arrive()
            self.backend.accept(self.head)
            self.client = self.stack.enter_context(opening.result())
        self.begin()

    def is_lingering(self, _):
        return True  # the connection

    def suffer(self, fault):
        if fault in STREAM_FAULTS:
            STREAM_FAULTS[fault](self.client)
        else:
            super().suffer(fault)


class HandlerScene(Scene):
    """A handler has the session instead of a backend."""

    def phase(self, name):
        return HANDLER_PHASES[name](self)

    def outcome(self, _):
        return self.ended()

    def open(self):
        self.connect()
        self.client.open(self.path)
        self.client.send_frame(TEXT, "begun")
        expect_echo(self.client, b"begun")

    def close(self):
        self.client.send_close(1000)
        assert self.client.expect_close() == (1000, "")


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
    """Its kernel does not answer for it, either."""
    scene.connect()
    yield
    scene.victim.fill_queue()
    scene.request()
    yield
    scene.arrive()
    scene.answer()


def backend_accepting(scene):
    """Its kernel answers for it."""
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
    scene.victim.pass_on(scene.victim.port)
    yield
    yield
    trickle(scene.backend, answer[40:])
    assert scene.client.read_response().status == 101


def client_connecting(scene):
    scene.connect()
    request = scene.client.handshake_bytes(scene.path)
    scene.client.send(request[:40])
    scene.victim.pass_on(scene.server_port)
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


def expect_echo(client, payload):
    assert read_data(client).payload == payload


def handler_idle(scene):
    scene.open()
    yield
    yield
    trickle(scene.client, frame(TEXT, "late"))
    expect_echo(scene.client, b"late")


def handler_mid_frame(scene):
    scene.open()
    data = frame(TEXT, "a frame in two halves")
    scene.client.send(data[:12])
    scene.victim.pass_on(scene.server_port)
    yield
    yield
    trickle(scene.client, data[12:])
    expect_echo(scene.client, b"a frame in two halves")


def handler_mid_message(scene):
    scene.open()
    scene.client.send_frame(TEXT, "first ", fin=False)
    scene.victim.pass_on(scene.server_port)
    yield
    yield
    trickle(scene.client, frame(CONTINUATION, "last"))
    expect_echo(scene.client, b"first last")


def handler_closing(scene):
    """The handler has sent its Close frame."""
    scene.open()
    scene.client.send_frame(TEXT, "close 4001")
    assert scene.client.expect_close() == (4001, "")
    yield
    yield
    trickle(scene.client, close_frame(4002))
    scene.client.read_eof()


HANDLER_PHASES = {"idle": handler_idle, "mid-frame": handler_mid_frame, "mid-message": handler_mid_message,
                  "closing": handler_closing}
PHASES = {
    "backend": {"connecting": backend_connecting, "accepting": backend_accepting, "handshake": backend_handshake,
                "idle": idle, "mid-frame": mid_frame, "mid-message": mid_message, "closing": closing, "closed": closed},
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


def has_connection(listener):
    readable, _, _ = select.select([listener], [], [], 0)
    return bool(readable)


def answer_to(client):
    return "cut" if client.is_at_end() else str(client.read_response().status)
