"""A backend that does exactly what a script says."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor, wait

from support import frames
from support.certificate import server_context
from support.frame_stream import FrameStream
from support.http_head import head_bytes
from support.waiting import patience, wait_until

MAX_CONNECTIONS = 64


class BackendConnection(FrameStream):
    def send_head(self, first_line, headers):
        self.send(head_bytes(first_line, headers))

    def accept_websocket(self, headers=None):
        """Reads an opening request and answers 101; returns the request's head."""
        head = self.read_head()
        self.accept(head, headers)
        return head

    def accept(self, head, headers=None):
        """Answers the opening request `head` with 101."""
        self.send(self.answer_bytes(head, headers))

    @staticmethod
    def answer_bytes(head, headers=None):
        accept = frames.accept_key(head.headers["Sec-WebSocket-Key"])
        return head_bytes("HTTP/1.1 101 Switching Protocols", {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept,
            **(headers or {})})


class ScriptedBackend:
    """Runs script(connection) in a thread for each accepted connection and closes the connection
    after it. Leaving the context fails with the first error that a script raised."""

    def __init__(self, script, tls=False, timeout=10, port=0):
        self.script = script
        self.tls = server_context() if tls else None
        self.timeout = timeout
        self.port = port
        self._runs = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._pool = ThreadPoolExecutor(MAX_CONNECTIONS)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, exception_type, *exception):
        self._stop_accepting()
        _, running = wait(self._runs, patience(2 * self.timeout))
        self._pool.shutdown(wait=not running, cancel_futures=True)
        if exception_type is not None:
            return
        assert not running, f"{len(running)} scripts do not end"
        for run in self._runs:
            run.result()

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}"

    def accepted(self):
        """How many connections there have been."""
        return len(self._runs)

    def wait_for_scripts(self, count):
        """Waits until `count` scripts have ended, and returns what they returned."""
        wait_until(lambda: sum(run.done() for run in self._runs) >= count,
                   lambda: f"{count} scripts end, {self.accepted()} began", 2 * self.timeout)
        return [run.result() for run in self._runs if run.done()]

    def _stop_accepting(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._runs.append(self._pool.submit(self._run, sock))

    def _run(self, sock):
        with sock:
            sock.settimeout(patience(self.timeout))
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with BackendConnection(sock, self.timeout) as connection:
                return self.script(connection)
