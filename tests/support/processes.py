"""What /proc tells about processes."""

import os
import re
from pathlib import Path

PROC = Path("/proc")
TIME_WAIT = 6  # as /proc/net/tcp has it


def parent_of(pid):
    """The parent's pid; None for a process that is gone or only waits to be reaped."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)


def children_of(pid):
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return sorted(child for child in pids if parent_of(child) == pid)


def name_of(pid):
    """Of what it runs; None for a process that is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return None


def user_and_group_of(pid):
    status = (PROC / str(pid) / "status").read_text()
    return [int(number) for number in re.findall(r"^[UG]id:\s+(\d+)", status, re.MULTILINE)]


def is_at_rest(pid):
    """Whether each of its threads waits for something, or it has gone."""
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
        return all((thread / "stat").read_text().rpartition(")")[2].split()[0] == "S" for thread in threads)
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_stopped(pid):
    """By a signal."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "T"


def open_fds(pid):
    """What each open file descriptor refers to: {fd: "socket:[1234]", ...}. Another user's process
    can be looked at only with CAP_SYS_PTRACE."""
    directory = PROC / str(pid) / "fd"
    targets = {}
    for name in os.listdir(directory):
        try:
            targets[int(name)] = os.readlink(directory / name)
        except FileNotFoundError:
            pass  # closed meanwhile
    return targets


def tcp_connections():
    """(local port, remote port, state, unread bytes) of each."""
    for line in (PROC / "net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        yield *(int(text.rpartition(":")[2], 16) for text in (local, remote)), int(state, 16), int(queues.rpartition(":")[2], 16)


def unread_bytes(port):
    """Of all TCP connections one end of which has that port."""
    return sum(unread for local, remote, _, unread in tcp_connections() if port in (local, remote))


def lingering():
    """(local port, remote port) of ends in TIME_WAIT, which have ended their connections first."""
    return {(local, remote) for local, remote, state, _ in tcp_connections() if state == TIME_WAIT}


def rss_bytes(pid):
    resident_pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    return resident_pages * os.sysconf("SC_PAGE_SIZE")


def address_space_bytes(pid):
    pages = int((PROC / str(pid) / "statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_rss_bytes(pid):
    """The most it ever had."""
    status = (PROC / str(pid) / "status").read_text()
    return 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1])
