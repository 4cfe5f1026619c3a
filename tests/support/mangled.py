"""Clients of a server that has the filter of tests/handlers/mangle.c."""

import socket

from support.handler_modules import load_handlers
from support.raw_client import RawClient

MANGLE = load_handlers("mangle")


class MangledSocket(socket.socket):
    """The filter's other side."""

    def sendall(self, data):
        super().sendall(mangled(data))

    def recv(self, size):
        return mangled(super().recv(size))


def mangled(data):
    return bytes(byte ^ 1 for byte in data)


class MangledClient(RawClient):
    def __init__(self, port):
        super().__init__("127.0.0.1", port)
        self.socket.close()
        self.socket = MangledSocket()
        self.socket.settimeout(self.timeout)
        self.socket.connect(("127.0.0.1", port))
