"""What a session costs while nothing happens: process memory, and the time a worker thread is bound at its start.

usage: sessions.py [SESSIONS]   (default 5000)

Prints bytes of resident memory that the httpd child grows by for each idle session, handler and relay, beside the target; and the
time from the backend's 101 until the worker thread is free, from the module's own log lines.
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
WARM_UP = 500
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


def echo_once(client):
    client.sendall(b"\x81\x85\x00\x00\x00\x00hello")
    answer = b""
    while len(answer) < 7:
        answer += client.recv(7 - len(answer))
    if answer != b"\x81\x05hello":
        raise SystemExit(f"bad echo: {answer!r}")


def close_all(clients):
    for client in clients:
        client.close()


def bytes_a_session(server, path, count):
    """The growth of the child's memory over `count` sessions that have each echoed once."""
    warm = [open_session(server.port, path) for _ in range(WARM_UP)]
    for client in warm:
        echo_once(client)
    before = server.child_rss_bytes()
    clients = []
    for _ in range(count):
        clients.append(open_session(server.port, path))
        echo_once(clients[-1])
    growth = server.child_rss_bytes() - before
    close_all(warm + clients)
    return growth / count


def measured(count):
    """Rows of (what, value, target, unit)."""
    options = {"threads": THREADS, "log_level": "warn"}
    with server_root() as root, Httpd(root, ECHO, **options) as server:
        yield f"idle echo session ({count} of them)", bytes_a_session(server, "/echo", count), 600, "bytes"
    with server_root() as root, Httpd(root, ECHO, **options) as backend:
        relay = f'ProxyPass "/relay" "ws://127.0.0.1:{backend.port}/echo"\n'
        with server_root() as relay_root, Httpd(relay_root, relay, **options) as server:
            yield f"idle relayed session ({count} of them)", bytes_a_session(server, "/relay", count), 1200, "bytes"
        options["log_level"] = "warn ws:debug"
        with server_root() as relay_root, Httpd(relay_root, relay, **options) as server:
            close_all([open_session(server.port, "/relay") for _ in range(WARM_UP)])
            times = [int(us) for us in re.findall(r"free (\d+) us after the backend's answer", server.error_log())]
    yield f"worker thread free, median of {len(times)}", statistics.median(times), 1000, "us"
    yield "worker thread free, 99th percentile", statistics.quantiles(times, n=100)[98], 1000, "us"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with contextlib.redirect_stdout(io.StringIO()):  # the servers' logs
        rows = list(measured(count))
    for what, value, target, unit in rows:
        print(f"{what:<44}{value:>10.0f} {unit:<6} target below {target}")


main()
