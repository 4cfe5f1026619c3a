"""A process in which faults happen to one end of a session."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from support import processes, victim_program
from support.waiting import wait_until

PROGRAM = Path(victim_program.__file__)
FAULTS = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP, "slow": signal.SIGSTOP, "reset": signal.SIGUSR1,
          "half-closed": signal.SIGUSR2}
UNANSWERED_SECONDS = 0.2


class Victim:
    """A process between one end and httpd: what happens to it happens to that end, as httpd sees it."""

    def __init__(self, port, target, accepts):
        """Listens on `port`; `accepts`: httpd is who connects."""
        with socket.create_server(("127.0.0.1", port), backlog=0) as listener:
            self.port = listener.getsockname()[1]
            os.set_inheritable(listener.fileno(), True)
            words = [str(listener.fileno()), str(target), "accepts" if accepts else "connects"]
            self.process = subprocess.Popen([sys.executable, "-S", "-E", PROGRAM, *words], stdout=subprocess.PIPE,
                                            pass_fds=[listener.fileno()])
        self._waiting = []
        assert self.process.stdout.read(1) == b"!"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._leave_queue()

    def pass_on(self, port):
        """Returns when it has passed on all that it was sent, and httpd has read it: `port` is an end of their connection."""
        wait_until(lambda: processes.is_at_rest(self.process.pid), "it waits for more")
        wait_until(lambda: processes.unread_bytes(port) == 0, "httpd has read it")

    def suffer(self, fault):
        """Returns when it has happened."""
        self.process.send_signal(FAULTS[fault])
        if FAULTS[fault] == signal.SIGSTOP:
            wait_until(lambda: processes.is_stopped(self.process.pid), "it is stopped")
        else:
            self.process.stdout.read(1)

    def go_on(self):
        self._leave_queue()
        self.process.send_signal(signal.SIGCONT)

    def fill_queue(self):
        """While it is frozen: connections that it does not accept, until the kernel answers no more of them."""
        while self._is_answered():
            pass

    def _is_answered(self):
        sock = socket.socket()
        self._waiting.append(sock)
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self.port))
        _, connected, _ = select.select([], [sock], [], UNANSWERED_SECONDS)
        return bool(connected)

    def _leave_queue(self):
        for sock in self._waiting:
            sock.close()
        self._waiting.clear()
