"""victim_program.py LISTENER-FD PORT accepts|connects: waits for one connection and passes on what comes, to PORT and back.

It stands for a client that connects to httpd, or for a backend that accepts httpd's connection. Signals are what happens to
it: SIGUSR1 resets the connection with httpd, SIGUSR2 ends its own direction of it. What has not happened yet is done to the
connection when it comes."""

import os
import select
import signal
import socket
import struct
import sys

RESETS = struct.pack("ii", 1, 0)  # with SO_LINGER


class Victim:
    def __init__(self, listener, port, accepts):
        self._listener = socket.socket(fileno=int(listener))
        self._port = int(port)
        self._accepts = accepts == "accepts"
        self._faces_httpd = None
        self._due = []
        signal.signal(signal.SIGUSR1, lambda *_: self._do(self._reset))
        signal.signal(signal.SIGUSR2, lambda *_: self._do(self._half_close))

    def run(self):
        while has_ended(near := self._listener.accept()[0]):
            pass  # it has only filled the queue
        self._listener.close()
        if self._accepts:
            self._face(near)
        far = socket.create_connection(("127.0.0.1", self._port))
        if not self._accepts:
            self._face(far)
        self._pass_on(near, far)

    def _face(self, sock):
        self._faces_httpd = sock
        for act in self._due:
            act()

    def _do(self, act):
        self._due.append(act)
        if self._faces_httpd:
            act()
        os.write(1, b"!")

    def _reset(self):
        self._faces_httpd.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
        os._exit(0)

    def _half_close(self):
        self._faces_httpd.shutdown(socket.SHUT_WR)

    def _pass_on(self, near, far):
        other = {near: far, far: near}
        for sock in other:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while other:
            readable, _, _ = select.select(list(other), [], [])
            for sock in readable:
                if not self._pass_some(sock, near if sock is far else far):
                    del other[sock]

    @staticmethod
    def _pass_some(source, sink):
        """False at the end."""
        try:
            data = source.recv(1)  # what is slow comes byte by byte
            sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return bool(data)


def has_ended(sock):
    readable, _, _ = select.select([sock], [], [], 0)
    return bool(readable) and not sock.recv(1, socket.MSG_PEEK)


if __name__ == "__main__":
    victim = Victim(*sys.argv[1:])
    os.write(1, b"!")
    victim.run()
