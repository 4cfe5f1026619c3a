"""How many deliveries a second publishing reaches, with the receiving client on the same machine.

usage: broadcast.py PROGRAM [SUBSCRIBERS] [MESSAGES]   (default 10000 and 100)
"""

import contextlib
import io
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.handler_modules import load_handlers  # noqa: E402
from support.httpd import Httpd, server_root  # noqa: E402

CONFIG = load_handlers("subscriber") + """
<Location "/subscribe">
    WebSocketHandler subscriber
</Location>
<Location "/publish">
    SetHandler websocket-publish
</Location>
"""
ROUNDS = 5
TARGET = 300_000


def main():
    program, *counts = sys.argv[1:]
    subscribers, messages = [*counts, "10000", "100"][:2] if len(counts) < 2 else counts
    rates = []
    with contextlib.redirect_stdout(io.StringIO()):  # the servers' logs
        for _ in range(ROUNDS):
            with server_root() as root, Httpd(root, CONFIG, threads=25, log_level="warn") as server:
                run = subprocess.run([program, str(server.port), subscribers, messages], capture_output=True, text=True, check=True)
                rates.append(int(run.stdout))
    print(f"publish 100 bytes to {subscribers} subscribers: {statistics.median(rates):>9.0f} deliveries/s   target {TARGET} or more"
          f"   ({min(rates)} to {max(rates)})")


main()
