"""WebSockets over HTTP/2 (RFC 8441): mod_proxy's tunnel serves them, but mod_ws says who may open one."""

import subprocess
from pathlib import Path

import pytest

from support.relay import Relay
from support.waiting import patience

CLIENT = Path(__file__).parents[1] / "support" / "node" / "h2_websocket.js"
CONFIG = """
Protocols h2 http/1.1
H2WebSockets on
WebSocketOrigin https://friend.example
ProxyPass "/limited" "ws://127.0.0.1:${BACKEND_PORT}"
<Location "/limited">
    WebSocketRateLimit messages=1/s
</Location>
"""


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("http2", "proxy_http"))


def status(relay, path, origin):
    command = ["node", CLIENT, str(relay.server.tls_port), path, origin]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(30)).stdout.strip()


@pytest.mark.parametrize("origin, expected", [("https://friend.example", "200"), ("https://evil.example", "403")])
def test_origin_is_checked_there_too(relay, origin, expected):
    with relay.scripted_backend(lambda connection: (connection.accept_websocket(), connection.read_all())):
        assert status(relay, "/plain", origin) == expected


def test_rules_that_do_not_hold_there_are_named(relay, wait_for_log):
    with relay.scripted_backend(lambda connection: (connection.accept_websocket(), connection.read_all())):
        status(relay, "/limited", "https://friend.example")
    wait_for_log("ws:warn.*left to mod_proxy's own tunnel, which does not know the limits and checks that are set here: "
                 "the client's connection cannot be taken: it is a stream of an HTTP/2 connection")
