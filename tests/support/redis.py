"""A redis-server of its own for a test: a real backend that speaks no WebSocket."""

import subprocess

from support.ports import free_ports
from support.httpd import accepts
from support.waiting import patience, wait_until

# The same program; the package redis-server would start a service as well.
PROGRAM = "/usr/bin/redis-check-rdb"


class Redis:
    """Runs from entering the context to leaving it; on TCP, and on the UNIX socket `socket`."""

    def __init__(self, socket=None):
        self.port, = free_ports(1)
        self._socket = ["--unixsocket", socket, "--unixsocketperm", "777"] if socket else []

    def __enter__(self):
        self._process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--appendonly", "no", *self._socket],
            executable=PROGRAM, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: accepts(self.port), "redis-server serves")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait(patience(10))


def command(*words):
    """A command as redis wants it on the wire (RESP)."""
    parts = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
