"""Sessions through a relay whose messages are numbered, in both directions at once. One thread serves all their ends."""

import asyncio
import socket
import struct
import time
import zlib
from collections import Counter
from typing import NamedTuple

from support.certificate import client_context, server_context
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, Frame, accept_key, close_frame, frame, masked
from support.http_head import HEAD_END, Head, head_bytes
from support.raw_client import KEY, handshake_headers
from support.scripted_backend import BackendConnection
from support.victim_program import RESETS
from support.waiting import POLL_SECONDS, patience

WINDOW = 4  # messages of each end that are on their way, at first
SIZES = (0, 10, 100, 118, 1000, 20, 70000, 126, 3, 5000)
NO_MASK = bytes(4)  # what a client sends is masked, and still can be read as it is
FILLER = bytes(range(251)) * 280
RSV1 = 4
FLUSHED = b"\0\0\xff\xff"  # RFC 7692 7.2.1: what a deflated message ends with, and does without
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}


class Kind(NamedTuple):
    """`tls`: to the client. At /secure there is some to the backend, and at /deflated the client's messages are deflated."""

    path: str
    tls: bool = False
    fragments: bool = False


KINDS = [Kind("/traffic"), Kind("/traffic", fragments=True), Kind("/secure"), Kind("/deflated"), Kind("/traffic", tls=True),
         Kind("/secure", tls=True, fragments=True), Kind("/deflated", tls=True, fragments=True)]


def kind_of(session):
    return KINDS[session % len(KINDS)]


def message(session, sender, number):
    """No two are the same."""
    size = SIZES[(session + number) % len(SIZES)]
    return struct.pack("!IBI", session, sender.is_client, number) + FILLER[:size]


def first_frame(data):
    """(the frame, its whole size); None when it is not whole."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size > 125:
        start = 4 if size == 126 else 10
        size = int.from_bytes(data[2:start], "big")
    has_mask = data[1] >> 7
    start += 4 * has_mask
    if len(data) < start + size:
        return None
    payload, mask = bytes(data[start:start + size]), bytes(data[start - 4:start])
    if has_mask and mask != NO_MASK:
        payload = masked(payload, mask)
    return Frame(bool(data[0] & 0x80), data[0] >> 4 & 7, data[0] & 0xF, payload), start + size


class End(asyncio.Protocol):
    """Sends the next message for each that it gets, which must be the next of the other end's."""

    is_client = False

    def __init__(self, traffic):
        self.traffic = traffic
        self.session = None
        self.other = None
        self.sent = self.received = 0
        self.is_open = self.is_lost = False
        self.close_code = None
        self._data = bytearray()
        self._message, self._is_deflated = b"", False
        self.deflater = self.inflater = None
        self.flush_mode = zlib.Z_SYNC_FLUSH

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        self.is_lost = True
        self.is_open = False

    def data_received(self, data):
        self._data += data
        if not self.is_open and HEAD_END in self._data:
            size = self._data.index(HEAD_END) + len(HEAD_END)
            head = Head(bytes(self._data[:size]))
            del self._data[:size]
            self.on_head(head)
        while self.is_open and (found := first_frame(self._data)):
            received, size = found
            del self._data[:size]
            self.on_frame(received)

    def begin(self):
        self.is_open = True
        for _ in range(WINDOW):
            self.send_next()

    def send_next(self):
        if self.traffic.is_sending:
            self.send_message(message(self.session, self, self.sent))
            self.sent += 1

    def send_message(self, payload):
        rsv = 0
        if self.deflater:
            payload = (self.deflater.compress(payload) + self.deflater.flush(self.flush_mode)).removesuffix(FLUSHED)
            rsv = RSV1
        if not kind_of(self.session).fragments:
            return self.send(BINARY, payload, rsv=rsv)
        half = len(payload) // 2
        self.send(BINARY, payload[:half], rsv=rsv, fin=False)
        self.send(PING)
        self.send(CONTINUATION, payload[half:-1], fin=False)
        self.send(CONTINUATION, payload[-1:])

    def send(self, opcode, payload=b"", **options):
        if not self.transport.is_closing():
            self.transport.write(frame(opcode, payload, mask=NO_MASK if self.is_client else False, **options))

    def on_frame(self, received):
        if received.opcode == PING:
            self.send(PONG, received.payload)
        elif received.opcode == CLOSE:
            self.on_close(int.from_bytes(received.payload[:2], "big"))
        elif received.opcode in (BINARY, CONTINUATION):
            if received.opcode == BINARY:
                self._message, self._is_deflated = b"", received.rsv == RSV1
            self._message += received.payload
            if received.fin:
                self.on_message()

    def on_message(self):
        payload = self.inflater.decompress(self._message + FLUSHED) if self._is_deflated else self._message
        if payload != message(self.session, self.other, self.received):
            self.traffic.faults.append(f"session {self.session}: message {self.received} is {payload[:9]!r}")
        self.received += 1
        self.traffic.messages += 1
        self.send_next()

    def on_close(self, code):
        if self.close_code is None:
            self.transport.write(close_frame(code, mask=NO_MASK if self.is_client else False))
        self.close_code = code
        self.is_open = False
        self.transport.close()


class ClientEnd(End):
    is_client = True

    def __init__(self, traffic, session):
        super().__init__(traffic)
        self.session = session
        self.is_answered = False

    def connection_made(self, transport):
        super().connection_made(transport)
        self.port = transport.get_extra_info("sockname")[1]
        path = kind_of(self.session).path
        headers = {**handshake_headers("localhost"), **(OFFER if path == "/deflated" else {})}
        transport.write(head_bytes(f"GET {path}?{self.session} HTTP/1.1", headers))

    def on_head(self, head):
        self.is_answered = True
        status = int(head.first_line.split()[1])
        if status != 101:
            self.traffic.refusals[kind_of(self.session).path, status] += 1
            return self.transport.close()
        assert head.headers["Sec-WebSocket-Accept"] == accept_key(KEY)
        if kind_of(self.session).path == "/deflated":
            agreed = head.headers["Sec-WebSocket-Extensions"]
            assert agreed.startswith("permessage-deflate")
            if "client_no_context_takeover" in agreed:  # there is no memory for more contexts
                self.flush_mode = zlib.Z_FULL_FLUSH
            self.deflater, self.inflater = zlib.compressobj(1, wbits=-15), zlib.decompressobj(wbits=-15)
        self.other = self.traffic.backend_ends[self.session]
        self.other.other = self
        self.begin()

    def connection_lost(self, error):
        super().connection_lost(error)
        self.traffic.on_client_lost(self)


class BackendEnd(End):
    def __init__(self, backend):
        super().__init__(backend.traffic)
        self.backend = backend
        self.is_cut = False

    def connection_made(self, transport):
        super().connection_made(transport)
        self.backend.ends.append(self)

    def on_head(self, head):
        self.session = int(head.first_line.split()[1].partition("?")[2])
        self.traffic.backend_ends[self.session] = self
        self.other = self.traffic.clients[self.session]
        self.transport.write(BackendConnection.answer_bytes(head))
        self.begin()

    def cut(self):
        self.is_cut = True
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
        self.transport.abort()


class Backend:
    def __init__(self, traffic, port, tls=False):
        self.traffic, self.port = traffic, port
        self.context = server_context() if tls else None
        self.ends = []

    async def up(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: BackendEnd(self), "127.0.0.1", self.port, backlog=1024, ssl=self.context)

    def down(self):
        """With a reset for each of its sessions."""
        self.server.close()
        for end in self.ends:
            end.cut()
        self.ends.clear()


class Traffic:
    """Keeps `count` sessions open, and puts another one in the place of one whose backend has cut it."""

    def __init__(self, server, count):
        self.server, self.count = server, count
        self.context = client_context()
        self.is_sending = True
        self.clients, self.backend_ends = {}, {}
        self.refusals, self.faults, self.lost = Counter(), [], []
        self.doomed = set()  # clients whose sessions a test ends
        self.messages = 0
        self.opened = 0

    async def begin(self):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.faults.append(context))
        for _ in range(self.count):
            self.open_one()
        await self.all_open()

    async def all_open(self):
        await self.until(lambda: len(self.living()) == self.count, lambda: f"{self.count} sessions, not {len(self.living())}")

    def open_one(self):
        self.opened += 1
        client = self.clients[self.opened] = ClientEnd(self, self.opened)
        client.connecting = asyncio.create_task(self.connect(client, kind_of(self.opened).tls))

    async def connect(self, client, tls):
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: client, "127.0.0.1", self.server.port_of(tls), ssl=self.context if tls else None)
        except OSError as error:
            self.faults.append(f"session {client.session}: no connection: {error}")

    def on_client_lost(self, client):
        """Its backend may have cut it, or its opening handshake was refused; at the end, it has been closed."""
        if not self.is_sending:
            return
        if not client.is_answered:
            self.faults.append(f"session {client.session}: no answer")
        if client.other is not None and not client.other.is_cut and client not in self.doomed:
            self.lost.append(client)
        del self.clients[client.session]
        self.open_one()

    def living(self):
        return [client for client in self.clients.values() if client.is_open]

    async def pass_messages(self, count):
        """Until each session that lives has received so many more at both ends."""
        before = {client: (client.received, client.other.received) for client in self.living()}

        def has_passed(client, at_client, at_backend):
            return not client.is_open or (
                client.received >= at_client + count and client.other.received >= at_backend + count)
        await self.until(lambda: all(has_passed(client, *counts) for client, counts in before.items()),
                         f"{count} messages pass")

    async def finish(self):
        """All that was sent arrives, and then the clients close. How many messages have arrived."""
        await self.all_open()
        self.is_sending = False
        last = self.living()
        await self.until(lambda: not self.on_their_way(), lambda: f"these arrive: {self.on_their_way()}")
        for client in self.living():
            client.close_code = 1000
            client.transport.write(close_frame(1000, mask=NO_MASK))
        await self.until(lambda: not self.living(), "all sessions end")
        codes = Counter(client.close_code for client in last)
        assert codes == {1000: self.count}, codes
        return self.messages

    def on_their_way(self):
        """{session: (sent by the client, received, sent by the backend, received)}, of those that live"""
        return {client.session: (client.sent, client.other.received, client.other.sent, client.received)
                for client in self.living()
                if (client.sent, client.other.sent) != (client.other.received, client.received)}

    async def until(self, condition, what, timeout=30):
        deadline = time.monotonic() + patience(timeout)
        while not condition():
            assert not self.faults, self.faults[:10]
            assert not self.lost, [client.session for client in self.lost]
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {patience(timeout):g} s: {what() if callable(what) else what}")
            await asyncio.sleep(POLL_SECONDS)
