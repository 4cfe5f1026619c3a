"""The suite's WebSocket client: sends the bytes of a script and tells what comes back, to the end."""

import threading
from typing import NamedTuple

from conformance.case import END, frame_event
from support.frames import CLOSE, Frame, close_frame
from support.raw_client import RawClient
from support.waiting import patience


class Await(NamedTuple):
    """In a script: what follows is sent only once so many events have come."""

    events: int


class Settle(NamedTuple):
    """In a script: as Await, but only through a relay. Where the client breaks the protocol, the relay
    fails the connection at once, and whatever the backend has not answered yet is lost."""

    events: int


class Client(RawClient):
    def next_frame(self):
        """None at the peer's end of the connection."""
        if not self._received and not self._receive_more():
            return None
        first, second = self.read_exact(2)
        assert second < 128, "a masked frame"
        size = second
        if size == 126:
            size = int.from_bytes(self.read_exact(2), "big")
            assert size > 125, "a length not in its shortest form"
        elif size == 127:
            size = int.from_bytes(self.read_exact(8), "big")
            assert size > 65535, "a length not in its shortest form"
        return Frame(bool(first & 0x80), first >> 4 & 7, first & 0xF, self.read_exact(size))

    def events(self, describe=frame_event, on_event=lambda frame: None):
        """What comes, in words, up to the end of the connection or whatever prevents it."""
        told = []
        try:
            while frame := self.next_frame():
                told.append(describe(frame))
                on_event(frame)
            told.append(END)
        except ConnectionError:
            told.append("reset")
        except AssertionError as error:
            told.append(str(error))
        return told

    def _receive_more(self):
        try:
            self.socket.settimeout(self.timeout)
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise AssertionError(f"nothing within {self.timeout:g} s") from None
        self._received += data
        return data


class Script:
    """Plays steps - bytes, or Await - on an open session, in a thread of their own, up to the
    peer's Close; `goes_on_after_close`: all of them."""

    def __init__(self, client, steps, sends_close, ends_inside_frame, goes_on_after_close=False):
        self.client = client
        self.steps = steps
        self.sends_close = sends_close
        self.ends_inside_frame = ends_inside_frame
        self.goes_on_after_close = goes_on_after_close
        self._arrived = threading.Semaphore(0)
        self._is_over = False
        self._thread = threading.Thread(target=self._send, daemon=True)

    def play(self, describe=frame_event):
        self._thread.start()
        told = self.client.events(describe, self._on_event)
        self._stop()
        return told

    def _send(self):
        waited = 0
        try:
            for step in self.steps:
                if isinstance(step, Await):
                    while waited < step.events:
                        self._arrived.acquire(timeout=patience(10))
                        waited += 1
                elif not self._is_over:
                    self.client.send(step)
        except OSError:
            pass  # what came says why

    def _on_event(self, frame):
        self._arrived.release()
        if frame.opcode == CLOSE and not self.goes_on_after_close:
            self._stop()
            self._answer_close()

    def _answer_close(self):
        """A Close is answered if none has been sent; in the middle of a frame only the TCP
        connection can be ended."""
        try:
            if not self.sends_close:
                self.client.send(close_frame(1000))
            if self.ends_inside_frame:
                self.client.shutdown_write()
        except OSError:
            pass

    def _stop(self):
        self._is_over = True
        self._arrived.release(1000)
        self._thread.join()
