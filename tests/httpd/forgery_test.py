"""What clients send stays what it is where mod_ws shows it: it makes no line of its own in a log, no value in JSON, no markup."""

import json
import re
from urllib.parse import quote_from_bytes

import pytest

from support.relay import Relay
from support.status import STATUS
from support.waiting import wait_until

CONFIG = STATUS + """
WebSocketLog sessions.log
<Location "/server-status">
    SetHandler server-status
</Location>
"""
FORGED = {
    "line": b"a\n[ws:error] forged",
    "crlf": b"a\r\nforged",
    "terminal": b"a\x1b]0;forged\x07",
    "quote": b'a" 0 "forged',
    "backslash": b"a\\n\\\"forged",
    "markup": b"a<script>forged()</script>",
    "no-utf8": b"a\xff\xc0\x80forged\xed\xa0\x80",
    "long": b"a" * 1900 + b"forged",
}


@pytest.fixture(scope="module")
def module_relay(module_httpd):
    return Relay(module_httpd, CONFIG, modules=("status",), log_level="warn ws:trace8")


@pytest.fixture(params=FORGED.values(), ids=FORGED)
def name(request):
    return quote_from_bytes(request.param)


def session_lines(relay):
    file = relay.server.config.root / "sessions.log"
    return file.read_bytes().splitlines() if file.exists() else []


def body_of(relay, target):
    with relay.client() as visitor:
        response = visitor.get(target)
        assert response.status == 200
        return response.body


def assert_is_plain(lines, pattern):
    """Each is one that the server has begun, without what a terminal would obey."""
    assert lines
    for line in lines:
        assert re.fullmatch(pattern, line) and not re.search(rb"[\x00-\x08\x0a-\x1f\x7f-\xff]", line), line


def error_lines(relay, since):
    return relay.server.error_log()[since:].encode("utf-8", "surrogateescape").splitlines()


@pytest.mark.parametrize("path", ["/echo", "/plain"])
def test_a_path_is_one_value_in_a_log_and_on_the_status_page(relay, path, name):
    since, ended = len(relay.server.error_log()), len(session_lines(relay))
    with relay.websockets_backend(), relay.client() as client:
        client.open(f"{path}/{name}?{name}")
        wait_until(lambda: len(json.loads(body_of(relay, "/ws-status?json"))["sessions"]) == 1, "the session is shown")
        assert b"<script>forged" not in body_of(relay, "/server-status")
        assert_is_plain(body_of(relay, "/ws-status?metrics").splitlines(), rb"#.*|mod_ws_\w+(\{.*\})? \S+")
        client.close()
        wait_until(lambda: len(session_lines(relay)) > ended, "the session is logged")
    assert_is_plain(error_lines(relay, since), rb"\[\w{3} \w{3} \d.*")
    line, = session_lines(relay)[ended:]
    assert_is_plain([line], rb'\[.*\] 127\.0\.0\.1 - "(?:[^"\\]|\\.)*" \S+ - [\d. ]+ \d+ \w+ "[^"]*"')


@pytest.mark.parametrize("field", ["Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version", "Sec-WebSocket-Key"])
def test_a_header_of_a_refused_upgrade_is_part_of_one_line(relay, field):
    since = len(relay.server.error_log())
    with relay.client() as client:
        client.handshake("/echo", {field: 'a\x85\u00ff"forged', "Connection": "close"})
    relay.server.wait_for_log("ws:(info|debug)", since=since)
    assert_is_plain(error_lines(relay, since), rb"\[\w{3} \w{3} \d.*")
