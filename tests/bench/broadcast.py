"""How many deliveries a second publishing reaches, with the receiving client on the same machine.

usage: broadcast.py PROGRAM

Beside it, what the kernel itself takes for so many send(2) and recv(2) here.
"""

import contextlib
import io
import signal
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.handler_modules import load_handlers  # noqa: E402
from support.httpd import Httpd, server_root  # noqa: E402

CONFIG = load_handlers("subscriber") + """
MaxKeepAliveRequests 0
WebSocketEngineThreads 1
<Location "/subscribe">
    WebSocketHandler subscriber
</Location>
<Location "/publish">
    SetHandler websocket-publish
</Location>
"""
ROUNDS = 5
SUBSCRIBERS = 10_000
TARGET = 300_000
WINDOWS = (1, 16)


def rate(program, *arguments):
    run = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True)
    return int(run.stdout)


def server_rate(program, messages, window):
    with server_root() as root, Httpd(root, CONFIG, threads=25, log_level="warn") as server:
        return rate(program, "server", server.port, SUBSCRIBERS, messages, window)


def calls(program, messages, window):
    """System calls of the server's processes, by strace, from the first subscriber's coming to the last one's leaving."""
    with server_root() as root, Httpd(root, CONFIG, threads=25, log_level="warn") as server:
        summary = root / "calls"
        pids = [option for pid in server.children() for option in ("-p", str(pid))]
        with subprocess.Popen(["strace", "-f", "-c", "-o", summary, *pids], stderr=subprocess.PIPE, text=True) as strace:
            strace.stderr.readline()  # it is attached
            rate(program, "server", server.port, SUBSCRIBERS, messages, window)
            strace.send_signal(signal.SIGINT)
        rows = [line.split() for line in summary.read_text().splitlines()]
        return sum(int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit() and row[-1] != "total")


def calls_a_delivery(program, messages, window):
    """Of so many more messages."""
    return (calls(program, 2 * messages, window) - calls(program, messages, window)) / (SUBSCRIBERS * messages)


def main():
    program = sys.argv[1]
    floor, rates = [], {window: [] for window in WINDOWS}
    with contextlib.redirect_stdout(io.StringIO()):  # the servers' logs
        for _ in range(ROUNDS):
            floor.append(rate(program, "floor", SUBSCRIBERS, 50))
            for window in WINDOWS:
                rates[window].append(server_rate(program, 50 * window, window))
        each = {window: calls_a_delivery(program, 10 * window, window) for window in WINDOWS}
    print(f"publish 100 bytes to {SUBSCRIBERS} subscribers, deliveries/s, median of {ROUNDS}   target {TARGET} or more")
    bare = statistics.median(floor)
    print(f"  send(2) of one message in a loop {bare:>9.0f}   ({min(floor)} to {max(floor)})")
    for window in WINDOWS:
        median = statistics.median(rates[window])
        print(f"  mod_ws, {window:>2} published at a time {median:>8.0f}   ({min(rates[window])} to {max(rates[window])})"
              f"   {each[window]:.3f} system calls a delivery")


main()
