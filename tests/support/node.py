"""The client of npm's ws package, run by Node.js."""

import json
import os
import subprocess
from pathlib import Path

from support.waiting import patience

CLIENT = Path(__file__).parent / "node" / "ws_echo_client.js"


def node_modules():
    directory = os.environ.get("WS_NODE_MODULES")
    assert directory, "WS_NODE_MODULES must name the directory that npm installed ws into"
    assert (Path(directory) / "ws").is_dir(), f"{directory} has no ws package"
    return directory


def run_node_client(url, messages=1, sizes=(5,), binary=False, close=1000, insecure=True,
                    timeout=30):
    """Echoes `messages` messages, their sizes taken from `sizes` in turn. Returns the client's
    results: {"messages": ..., "bytes": ..., "close": {"code": ..., "reason": ...}}."""
    command = ["node", CLIENT, "--messages", str(messages),
               "--sizes", ",".join(map(str, sizes)), "--type", "binary" if binary else "text",
               "--close", str(close), "--timeout", str(patience(timeout)),
               *(["--insecure"] if insecure else []), url]
    client = subprocess.run(command, env={**os.environ, "NODE_PATH": node_modules()},
                            capture_output=True, text=True, timeout=patience(timeout + 10))
    assert client.returncode == 0, client.stderr
    return json.loads(client.stdout)
