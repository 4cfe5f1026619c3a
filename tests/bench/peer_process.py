"""A peer's server in the foreground: started when its ports accept, ended with SIGTERM."""

import os
import resource
import signal
import subprocess
from contextlib import contextmanager

from support.httpd import accepts
from support.waiting import patience, wait_until

OPEN_FILES = 65_536


def allow_open_files():
    """OPEN_FILES, or as many as the hard limit allows; what is started from now on has the same.
    Returns the number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    number = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    return number


@contextmanager
def serving(command, root, ports, environment=None):
    """The process, while it serves on `ports`."""
    console = root / "console.log"
    process = start(command, console, environment)
    try:
        wait_until(lambda: is_serving(process, ports, console),
                   lambda: f"{command[0]} serves\n{console.read_text(errors='replace')}",
                   timeout=20)
        yield process
        check_runs(process, console)
    finally:
        end(process)


def start(command, console, environment):
    with open(console, "wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                env={**os.environ, **(environment or {})}, start_new_session=True)


def is_serving(process, ports, console):
    check_runs(process, console)
    return all(accepts(port) for port in ports)


def check_runs(process, console):
    if process.poll() is not None:
        raise AssertionError(f"{process.args[0]} ended by itself, status {process.returncode}\n"
                             f"{console.read_text(errors='replace')}")


def end(process):
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(patience(20))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"{process.args[0]} had to be killed") from None
