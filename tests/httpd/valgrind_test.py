"""A short life of sessions under valgrind, which sees what AddressSanitizer does not: memory used before it is written, what httpd,
OpenSSL and zlib do with ours, and what is lost at the end. For modules without a sanitizer."""

import re

import pytest

from support import httpd as support_httpd
from support.frames import CONTINUATION, PING, PONG, TEXT
from support.keepers import wait_for_keepers
from support.relay import Relay
from support.siege import assert_echoes
from support.ws_client import exchange

pytestmark = pytest.mark.plain_build
CONFIG = """
WebSocketLog sessions.log
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/deflated">
    WebSocketCompression on leg=both
</Location>
ProxyPass "/deflated" "ws://127.0.0.1:${BACKEND_PORT}" retry=0
"""
MESSAGES = ["", "hello", "\u20ac" * 30000, bytes(range(256)) * 500]
OURS = re.compile(r"mod_ws|ws_echo")
# A keeper writes its title over the arguments that the kernel shows; valgrind has given the program a copy of them. And it leaves
# alone what threads waited in that a fork does not take along.
NONE = re.compile(r"set_title\(|OffloadPool::take_over\(")
SCRIPT = """#!/bin/sh
exec valgrind --quiet --error-limit=no --num-callers=40 --keep-debuginfo=yes \\
  --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --log-file="{folder}/%p.log" "{httpd}" "$@"
"""


@pytest.fixture
def relay(httpd, monkeypatch, open_directory):
    """Its httpd runs under valgrind, which has complained of nothing at the end."""
    open_directory.chmod(0o777)  # children write there
    program = open_directory / "httpd"
    program.write_text(SCRIPT.format(folder=open_directory, httpd=support_httpd.HTTPD))
    program.chmod(0o755)
    monkeypatch.setattr(support_httpd, "HTTPD", program)
    monkeypatch.setenv("WS_TEST_PATIENCE", "10")
    relay = Relay(httpd, CONFIG)
    yield relay
    relay.server.stop()
    logs = [file.read_text() for file in open_directory.glob("*.log")]
    assert logs and [told for log in logs for told in complaints(log)] == []


def test_sessions_handlers_relays_and_keepers_use_memory_well(relay):
    with relay.client() as kept:
        kept.open("/echo")
        for tls in (False, True):
            assert exchange(relay.server.url("/echo", tls), MESSAGES) == MESSAGES
            for path, backend_tls in (("/deflated", False), ("/tls", True)):
                with relay.websockets_backend(tls=backend_tls):
                    assert exchange(relay.server.url(path, tls), MESSAGES) == MESSAGES
        fragments_and_a_breach(relay)
        relay.server.graceful()
        wait_for_keepers(relay.server)
        assert_echoes(kept)


def complaints(log):
    """About code of ours, or what it has called."""
    blocks = re.split(r"^==\d+== $", log, flags=re.MULTILINE)
    return [block for block in blocks if OURS.search(block) and not NONE.search(block)]


def fragments_and_a_breach(relay):
    with relay.client(tls=True) as client:
        client.open("/echo")
        client.send_frame(TEXT, "frag", fin=False)
        client.send_frame(PING, b"between")
        client.send_frame(CONTINUATION, "ment")
        client.expect_frame(PONG, b"between")
        client.expect_frame(TEXT, "fragment")
        client.send_frame(TEXT, b"\xff")
        assert client.expect_close()[0] == 1007
