"""A port where connections are neither refused nor accepted, as at a machine that is down."""

import select
import socket


class SilentListener:
    """Fills its own queue of connections, so that the kernel drops what further clients send."""

    def __init__(self, port):
        self.port = port
        self._sockets = []

    def __enter__(self):
        listener = socket.create_server(("127.0.0.1", self.port), backlog=0)
        self._sockets.append(listener)
        while self._fills_a_place():
            pass
        return self

    def __exit__(self, *exception):
        for sock in self._sockets:
            sock.close()

    def _fills_a_place(self):
        sock = socket.socket()
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self.port))
        _, connected, _ = select.select([], [sock], [], 0.2)
        return bool(connected)
