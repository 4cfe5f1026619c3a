"""How long a relayed session binds a worker thread at its start.

Prints the time from the backend's 101 until the thread is free, from the module's own log lines.
"""

import contextlib
import io
import re
import socket
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.httpd import Httpd, server_root  # noqa: E402

ECHO = '<Location "/echo">\n    WebSocketHandler echo\n</Location>\n'
THREADS = 25
SESSIONS = 500
TARGET_US = 1_000
REQUEST = ("GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def open_session(port, path):
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(REQUEST.format(path=path).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = client.recv(4096)
        if not got:
            raise SystemExit(f"no answer to the handshake: {head!r}")
        head += got
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"no session: {head[:200]!r}")
    return client


def close_all(clients):
    for client in clients:
        client.close()


def free_after_us():
    """The times that the module logs, of many sessions."""
    with server_root() as root, Httpd(root, ECHO, threads=THREADS) as backend, server_root() as relay_root:
        relay = f'ProxyPass "/relay" "ws://127.0.0.1:{backend.port}/echo"\n'
        with Httpd(relay_root, relay, threads=THREADS, log_level="warn ws:debug") as server:
            close_all([open_session(server.port, "/relay") for _ in range(SESSIONS)])
            return [int(us) for us in re.findall(r"free (\d+) us after the backend's answer", server.error_log())]


def main():
    with contextlib.redirect_stdout(io.StringIO()):  # the servers' logs
        times = free_after_us()
    for what, value in (("median", statistics.median(times)), ("99th percentile", statistics.quantiles(times, n=100)[98])):
        print(f"worker thread free, {what} of {len(times)} sessions: {value:.0f} us, target below {TARGET_US}")


main()
