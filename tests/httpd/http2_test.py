"""WebSockets over HTTP/2 (RFC 8441): bridged sessions."""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT
from support.handler_modules import load_handlers
from support.http2 import ECHO, H2, close, echo, http2
from support.node import node_modules
from support.relay import Relay
from support.status import STATUS
from support.waiting import patience, wait_until

PAGE = Path(__file__).parents[1] / "support" / "node" / "h2_page.js"


def hear(stream, text):
    """Waits for this message, among others."""
    while stream.read_frame().payload != text.encode():
        pass


def test_a_handler_has_sessions_over_http2(h2_server):
    server = h2_server(f'WebSocketLog sessions.log "%U %{{backend}}W %{{messages-in}}W %{{code}}W %{{side}}W"\n{ECHO}'
                       '<Location "/echo">\nWebSocketSubprotocol chat\n</Location>\n')
    with http2(server) as connection, connection.open("/echo", {"sec-websocket-protocol": "chat"}) as stream:
        assert stream.headers["sec-websocket-protocol"] == "chat"
        echo(stream)
        stream.send_frame(TEXT, "Hel", fin=False)
        stream.send_frame(CONTINUATION, "lo")
        stream.expect_frame(TEXT, "Hello")
        stream.send_frame(PING, b"?")
        stream.expect_frame(PONG, b"?")
        stream.send_frame(BINARY, bytes(300_000))
        stream.expect_frame(BINARY, bytes(300_000))
        close(stream)
    log = server.config.root / "sessions.log"
    wait_until(lambda: log.read_text() == "/echo handler:echo 3 1000 client\n", log.read_text)
    server.wait_for_log("ws:info.*/echo: bridged, so that the session holds a thread of this child and ends with the child: "
                        "it is a stream of an HTTP/2 connection")


def test_limits_hold_over_http2(h2_server):
    server = h2_server(ECHO + '<Location "/echo">\nWebSocketMaxMessageSize 10\nWebSocketMaxConnections 1\n</Location>\n')
    with http2(server) as connection, connection.open("/echo") as stream:
        with connection.connect("/echo") as second:
            assert second.status == 503
        stream.send_frame(TEXT, "x" * 11)
        assert stream.expect_close()[0] == 1009
        stream.read_eof()


def test_messages_are_compressed_over_http2(h2_server):
    with http2(h2_server()) as connection, \
            connection.open("/echo", {"sec-websocket-extensions": "permessage-deflate"}) as stream:
        assert stream.headers["sec-websocket-extensions"].startswith("permessage-deflate")
        stream.send_frame(TEXT, "a" * 1000)
        assert len(stream.read_frame().payload) < 100


@pytest.mark.parametrize("origin, status", [("https://friend.example", 200), ("https://evil.example", 403)])
def test_origins_are_checked_over_http2(h2_server, origin, status):
    server = h2_server(ECHO + '<Location "/echo">\nWebSocketOrigin https://friend.example\n</Location>\n')
    with http2(server) as connection, connection.connect("/echo", {"origin": origin}) as stream:
        assert stream.status == status


def test_a_backend_is_relayed_over_http2(h2_relay):
    with h2_relay.websockets_backend(), http2(h2_relay.server) as connection, connection.open(h2_relay.path()) as stream:
        echo(stream)
        close(stream)
    assert not [line for line in h2_relay.server.complaints() if "[ws:" in line]


def test_many_streams_go_beside_ordinary_requests(h2_server):
    server = h2_server(f"WebSocketMaxBridged 40\n{ECHO}")
    server.publish("page", "a page")
    with http2(server) as connection, ExitStack() as stack:
        # mod_http2 begins with six streams at a time, and allows more as requests are answered.
        for _ in range(100):
            assert connection.get("/page") == 200
        streams = [stack.enter_context(connection.open("/echo")) for _ in range(40)]
        for number, stream in enumerate(streams):
            echo(stream, f"stream {number}")
            assert connection.get("/page") == 200
        for stream in streams:
            close(stream)


def test_what_is_published_reaches_members_over_http2(h2_server):
    server = h2_server(f"""{load_handlers("chat")}{H2}
<Location "/chat">
    WebSocketHandler chat
</Location>
""")
    with http2(server) as connection, connection.open("/chat?name=one") as one:
        hear(one, "one has joined")
        with connection.open("/chat?name=two") as two:
            hear(two, "two has joined")
            hear(one, "two has joined")


def test_a_browser_uses_http2_for_its_sockets(httpd):
    relay = Relay(httpd, f"""{load_handlers("chat")}
Protocols h2
H2WebSockets on
<Location "/echo">
    WebSocketHandler echo
</Location>
<Location "/chat">
    WebSocketHandler chat
</Location>
CustomLog "${{ROOT}}/access.log" "%H %>s %U"
""", modules=("http2",))
    relay.server.publish("page.html", "<!doctype html><title>sockets</title>")
    environment = {**os.environ, "NODE_PATH": node_modules()}
    environment.pop("LD_PRELOAD", None)
    url = relay.server.url("/page.html", tls=True, scheme="http")
    with relay.websockets_backend():
        answer = subprocess.run(["node", PAGE, url, "/echo", "/chat?name=one", relay.path()], env=environment,
                                capture_output=True, text=True, timeout=patience(60))
    assert answer.returncode == 0, answer.stderr
    echoed, chatted, relayed = json.loads(answer.stdout)
    assert (echoed, relayed) == ("hello", "hello")
    assert chatted in ("one has joined", "1 here")  # whichever comes first
    log = relay.server.config.root / "access.log"
    for path in ("/echo", "/chat", relay.path()):
        wait_until(lambda: f"HTTP/2.0 101 {path}" in log.read_text().splitlines(), log.read_text)


def test_the_status_page_has_its_session_over_http2(h2_server):
    server = h2_server(H2 + STATUS)
    with http2(server) as connection, connection.open("/echo") as stream, connection.open("/ws-status") as page:
        def told():
            return {session["location"]: session for session in json.loads(page.read_frame().payload)["sessions"]}
        echo(stream)
        wait_until(lambda: told()["/echo"]["messages_in"] == 1, "the echo is counted")
        assert set(told()) == {"/echo", "/ws-status"}
        page.send_frame(TEXT, json.dumps({"filter": "/echo"}))
        wait_until(lambda: set(told()) == {"/echo"}, "the page's wish is heard")


def test_http2_conf_echoes(recipe):
    site = recipe("http2.conf")
    with http2(site.server) as connection, connection.open("/echo") as stream:
        echo(stream)
        close(stream)
