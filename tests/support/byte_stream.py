"""A connected TCP or TLS socket, read exactly and with a deadline."""

import socket
import struct
import time

from support.http_head import HEAD_END, LINE_END, Head
from support.waiting import patience

RECEIVE_SIZE = 1 << 16


class ByteStream:
    def __init__(self, sock, timeout=10):
        self.socket = sock
        self.timeout = patience(timeout)
        self._received = bytearray()
        self.socket.settimeout(self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def send(self, data):
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def read_exact(self, size):
        self._receive_until(lambda received: len(received) >= size, f"{size} bytes")
        return self._take(size)

    def read_head(self):
        return Head(self._read_through(HEAD_END))

    def read_line(self):
        return self._read_through(LINE_END).decode("latin-1").removesuffix("\r\n")

    def read_all(self):
        """What the peer still sends before it ends the connection."""
        deadline = time.monotonic() + self.timeout
        while self._receive(deadline, "the end of the connection"):
            pass
        return self._take(len(self._received))

    def read_eof(self):
        """Waits for the peer's end of the connection and fails if bytes come before it."""
        rest = self.read_all()
        assert rest == b"", f"{len(rest)} bytes before the end: {rest[:200]!r}"

    def is_at_end(self):
        """Waits for more; whether the peer has ended the connection instead, orderly or not."""
        try:
            return not self._received and not self._receive(time.monotonic() + self.timeout, "more, or the end")
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def shutdown_write(self):
        """Ends this direction only; for plain TCP."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read_through(self, end):
        self._receive_until(lambda received: end in received, repr(end))
        return self._take(self._received.index(end) + len(end))

    def _take(self, size):
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive_until(self, is_enough, what):
        deadline = time.monotonic() + self.timeout
        while not is_enough(self._received):
            if not self._receive(deadline, what):
                raise AssertionError(f"the peer ended the connection before {what}; "
                                     f"received {bytes(self._received[:200])!r}")

    def _receive(self, deadline, what):
        remaining = deadline - time.monotonic()
        try:
            self.socket.settimeout(max(remaining, 0.001))
            data = self.socket.recv(RECEIVE_SIZE)
        except TimeoutError:
            raise AssertionError(f"not within {self.timeout:g} s: {what}; "
                                 f"received {bytes(self._received[:200])!r}") from None
        self._received += data
        return data
