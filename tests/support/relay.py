"""An httpd that relays, and both ends of a session through it."""

import queue
import threading
from contextlib import contextmanager

from support.certificate import TRUSTED_BACKENDS, certificate, server_context
from support.ports import free_ports
from support.raw_client import RawClient
from support.scripted_backend import ScriptedBackend
from support.waiting import patience
from support.websockets_backend import WebsocketsBackend, echo

CONFIG = TRUSTED_BACKENDS + """
ProxyPass "/plain" "ws://127.0.0.1:${BACKEND_PORT}" retry=0
ProxyPass "/tls" "wss://127.0.0.1:${BACKEND_PORT}" retry=0
"""


class Relay:
    """A running httpd and the port of its backend, which each test starts for itself."""

    def __init__(self, start_httpd, config="", **options):
        self.backend_port, = free_ports(1)
        defines = {"BACKEND_PORT": self.backend_port, "CERTIFICATE": certificate().cert}
        self.server = start_httpd(CONFIG + config, **{"tls": True, "defines": defines, **options})

    def path(self, backend_tls=False):
        return "/tls" if backend_tls else "/plain"

    def worker(self, backend_tls=False):
        """The backend's name in the log."""
        return f"{'wss' if backend_tls else 'ws'}://127.0.0.1:{self.backend_port}"

    def url(self, tls=False, backend_tls=False):
        return self.server.url(self.path(backend_tls), tls)

    def client(self, tls=False):
        return RawClient("127.0.0.1", self.server.port_of(tls), tls)

    def scripted_backend(self, script, tls=False):
        return ScriptedBackend(script, tls=tls, port=self.backend_port)

    def websockets_backend(self, handler=echo, tls=False, **options):
        return WebsocketsBackend(handler, ssl=server_context() if tls else None,
                                 port=self.backend_port, **options)

    @contextmanager
    def session(self, tls=False, backend_tls=False, path=None, answer=None, is_websocket=True):
        """(client, backend): the raw ends of a session, after both handshakes. `answer`: more
        headers of the backend's."""
        with self._open_backend(backend_tls, answer, is_websocket) as next_backend, self.client(tls) as client:
            client.open(path or self.path(backend_tls))
            yield client, next_backend()

    @contextmanager
    def stream_session(self, connection):
        """The same, over that HTTP/2 connection."""
        with self._open_backend() as next_backend, connection.open(self.path()) as stream:
            yield stream, next_backend()

    @contextmanager
    def _open_backend(self, tls=False, answer=None, is_websocket=True):
        """A function that gives the raw end of the next session there."""
        connections, is_over = queue.Queue(), threading.Event()

        def script(connection):
            if is_websocket:
                connection.accept_websocket(answer)
            connections.put(connection)
            assert is_over.wait(patience(60))

        with self.scripted_backend(script, tls):
            try:
                yield lambda: connections.get(timeout=patience(10))
            finally:
                is_over.set()
