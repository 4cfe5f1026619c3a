"""How long a relayed session binds a worker thread at its start.

Prints the time from the backend's 101 until the thread is free, from the module's own log lines.
"""

import contextlib
import io
import re
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import held_sessions  # noqa: E402
from peers import Peer  # noqa: E402
from support.httpd import Httpd, server_root  # noqa: E402

ECHO = '<Location "/echo">\n    WebSocketHandler echo\n</Location>\n'
THREADS = 25
SESSIONS = 500
TARGET_US = 1_000


def free_after_us():
    """The times that the module logs, of many sessions."""
    with server_root() as root, Httpd(root, ECHO, threads=THREADS) as backend, \
            server_root() as relay_root:
        relay = f'ProxyPass "/relay" "ws://127.0.0.1:{backend.port}/echo"\n'
        with Httpd(relay_root, relay, threads=THREADS, log_level="warn ws:debug") as server:
            peer = Peer("mod_ws", "", server.process.pid, server.port, path="/relay")
            with held_sessions(peer, SESSIONS):
                log = server.error_log()
    return [int(us) for us in re.findall(r"free (\d+) us after the backend's answer", log)]


def main():
    with contextlib.redirect_stdout(io.StringIO()):  # the servers' logs
        times = free_after_us()
    percentile = statistics.quantiles(times, n=100)[98]
    for what, value in (("median", statistics.median(times)), ("99th percentile", percentile)):
        print(f"worker thread free, {what} of {len(times)} sessions: {value:.0f} us, "
              f"target below {TARGET_US}")


main()
