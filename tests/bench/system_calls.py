"""How many system calls processes make meanwhile, by strace, which slows them down."""

import json
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from measuring import LOAD_CPUS, command, talking_to
from support.processes import children_of


def calls_a_message(mode, peer, options):
    """In a round of its own, of all that the server does meanwhile."""
    with talking_to(command(mode, peer, (*options, "--wait")), LOAD_CPUS) as load:
        next_line(load, peer)
        with counted_calls(peer.pid) as calls:
            load.stdin.write("\n")
            load.stdin.flush()
            messages = json.loads(next_line(load, peer))["count"]
            next_line(load, peer)
    return calls[0] / messages


def next_line(load, peer):
    line = load.stdout.readline()
    if not line:
        raise RuntimeError(f"{peer.name}: a round under strace has failed")
    return line


def tree_of(pid):
    return [pid, *(each for child in children_of(pid) for each in tree_of(child))]


@contextmanager
def counted_calls(pid):
    """Of a process and its descendants: a list that has the number in the end."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "calls"
        pids = tree_of(pid)
        command = ["strace", "-f", "-c", "-o", summary,
                   *(option for each in pids for option in ("-p", str(each)))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            said = "".join(strace.stderr.readline() for _ in pids)  # that it is attached
            try:
                yield found
            finally:
                strace.send_signal(signal.SIGINT)
                said += strace.stderr.read()
        found.append(total_of(summary.read_text() if summary.exists() else "", said))


def total_of(summary, said):
    """What strace's table has in the column `calls` of its last row; the one behind it is often
    empty. A table without it is none, and strace has `said` why."""
    rows = [line.split() for line in summary.splitlines()]
    total = sum(int(row[3]) for row in rows if len(row) > 4 and row[-1] == "total")
    if total == 0:
        raise RuntimeError(f"strace has counted nothing: {said}")
    return total
