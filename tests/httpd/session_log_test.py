"""WebSocketLog: a line for each session that has ended."""

import os
import re
import signal
import subprocess

import pytest

from support import processes
from support.frames import BINARY, TEXT
from support.handler_modules import load_handlers
from support.httpd import HTTPD, accepts, httpd_environment
from support.raw_client import RawClient
from support.relay import Relay
from support.waiting import wait_until

ECHO = """
<Location "/echo">
    WebSocketHandler echo
    WebSocketSubprotocol chat
</Location>
"""


def lines_of(server, count, name="sessions.log"):
    path = server.config.root / name

    def lines():
        return path.read_text().splitlines() if path.exists() else []

    wait_until(lambda: len(lines()) >= count, lambda: f"{count} lines, not {lines()}\n{server.error_log()}")
    assert len(lines()) == count
    return lines()


def run_session(server, path="/echo", **handshake):
    with RawClient("127.0.0.1", server.port) as client:
        client.open(path, **handshake)
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")
        client.send_frame(BINARY, b"123")
        client.expect_frame(BINARY, b"123")
        client.send_close(1000)
        client.expect_close()


def test_a_line_says_who_was_there_what_passed_and_how_it_ended(httpd):
    server = httpd(f"WebSocketLog sessions.log\n{ECHO}")
    run_session(server, "/echo?room=1", headers={"Sec-WebSocket-Protocol": "chat"})
    line, = lines_of(server, 1)
    # 2 messages of 8 bytes with headers of 6 or 2, and a Close frame.
    assert re.fullmatch(r'\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] 127\.0\.0\.1 - "/echo" '
                        r'handler:echo chat 0\.\d{3} 2 28 2 16 1000 client "closed by the client"', line), line


@pytest.mark.parametrize("item, value", [
    ("%a", r"127\.0\.0\.1"), ("%U", "/echo"), ("%q", r"\?a=b"), ("%v", "localhost"), ("%u", "-"),
    ("%p", r"\d+"), ("%V", r"127\.0\.0\.1"), ("%r", r"GET /echo\?a=b HTTP/1\.1"), ("%h", r"127\.0\.0\.1"),
    ("%{User-Agent}i", r"with \\\"quotes\\\" and \\xc3\\xbc"), ("%{Nothing}i", "-"), ("%{NAME}e", "value"),
    ("%{nothing}n", "-"), ("%P", r"\d+"), ("%L", ".+"), ("100%%", "100%"),
    ("%{%Y}t", r"20\d\d"), ("%{sec}t", r"\d{10}"), ("%{begin:msec}t", r"\d{13}"), ("%{begin}t", r"\[.*\]"), ("%{begin:%H:%M}t", r"\d\d:\d\d"), ("%t", r"\[.*\]"),
    ("%{backend}W", "handler:echo"), ("%{subprotocol}W", "-"), ("%{duration}W", r"\d\.\d{3}"),
    ("%{code}W", "1000"), ("%{side}W", "client"), ("%{cause}W", "closed by the client"),
    ("%{messages-in}W/%{messages-out}W", "2/2"), ("%{bytes-in}W/%{bytes-out}W", "28/16"),
    ("%{backend-bytes-in}W/%{backend-bytes-out}W", "0/0"),
])
def test_a_format_has_items_of_the_request_and_of_the_session(formats, item, value):
    line = formats[item]
    assert re.fullmatch(f"<{value}>", line), line


@pytest.fixture(scope="module")
def formats(module_httpd):
    """{item: its line}, of one server that logs a session with each of them."""
    mark = test_a_format_has_items_of_the_request_and_of_the_session.pytestmark[0]
    items = [item for item, _ in mark.args[1]]
    joined = "\\t".join(f"<{item}>" for item in items).replace("\\t", "\t")
    server = module_httpd(f'SetEnvIf Host . NAME=value\nWebSocketLog sessions.log "{joined}"\n{ECHO}',
                          modules=("setenvif",))
    run_session(server, "/echo?a=b", headers={"User-Agent": 'with "quotes" and \u00fc'.encode().decode("latin-1")})
    line, = lines_of(server, 1)
    return dict(zip(items, line.split("\t")))


def test_a_relays_line_names_its_backend_and_both_sides_bytes(httpd):
    relay = Relay(httpd, 'WebSocketLog sessions.log "%{backend}W %{bytes-in}W %{bytes-out}W %{backend-bytes-in}W '
                         '%{backend-bytes-out}W"')
    with relay.websockets_backend():
        run_session(relay.server, relay.path())
        assert lines_of(relay.server, 1) == [f"{relay.worker()} 28 16 16 28"]


def test_a_subprotocol_that_is_no_token_gives_no_session(httpd):
    relay = Relay(httpd, "WebSocketLog sessions.log")
    forged = 'x 0.1 5 5 5 5 1000 client "closed by the client"'
    with relay.scripted_backend(lambda connection: connection.accept_websocket({"Sec-WebSocket-Protocol": forged})), \
            relay.client() as client:
        assert client.handshake(relay.path(), headers={"Sec-WebSocket-Protocol": forged}).status == 502
    assert (relay.server.config.root / "sessions.log").read_text() == ""


@pytest.mark.parametrize("end, line", [
    (lambda client: client.send_close(4321), '4321 client "closed by the client"'),
    (lambda client: client.send_close(None), '1005 client "closed by the client"'),
    (lambda client: client.close(), '1006 client "the client was lost: the peer left without a Close frame"'),
    (lambda client: client.send_raw(b"\x81\x00"),
     '1002 server "the client broke the protocol: unmasked frame from a client"'),
], ids=["code", "no code", "lost", "violation"])
def test_a_line_says_who_has_ended_the_session(httpd, end, line):
    server = httpd(f'WebSocketLog sessions.log "%{{code}}W %{{side}}W \\"%{{cause}}W\\""\n{ECHO}')
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        end(client)
        assert lines_of(server, 1) == [line]


def test_a_handler_may_end_the_session(httpd):
    server = httpd(f"""{load_handlers("closing")}
WebSocketLog sessions.log "%{{code}}W %{{side}}W %{{cause}}W"
<Location "/closing">
    WebSocketHandler closing
</Location>
""")
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/closing?code=4001,bye")
        client.expect_close()
        client.send_close(1000)
        assert lines_of(server, 1) == ["4001 server closed by the handler: bye"]


def test_a_program_gets_the_lines_also_after_a_graceful_restart(httpd):
    server = httpd(f'WebSocketLog "|$cat >>${{ROOT}}/sessions.log" "%U"\n{ECHO}')
    with RawClient("127.0.0.1", server.port) as kept:
        kept.open("/echo")
        server.graceful()
        run_session(server, "/echo")
        lines_of(server, 1)
    assert lines_of(server, 2) == ["/echo", "/echo"]


# It says which process it is, so that a test can end it; and it lives on when its input ends.
PROGRAM = """#!/bin/sh
echo $$ >>"$1/programs"
trap "" HUP
cat >>"$1/sessions.log"
exec sleep 1000
"""


@pytest.fixture
def program(open_directory):
    path = open_directory / "program.sh"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return path


def programs_of(root):
    path = root / "programs"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def test_a_program_is_started_again_and_ends_with_the_server(httpd, program):
    server = httpd(f'WebSocketLog "|{program} ${{ROOT}}" "%U"\n{ECHO}')
    root = server.config.root
    wait_until(lambda: len(programs_of(root)) == 1, lambda: f"one program\n{server.error_log()}")
    os.kill(programs_of(root)[0], signal.SIGKILL)
    wait_until(lambda: len(programs_of(root)) == 2, lambda: f"another program\n{server.error_log()}")
    run_session(server, "/echo")
    lines_of(server, 1)
    server.stop()
    wait_until(lambda: not any(processes.parent_of(pid) for pid in programs_of(root)),
               lambda: f"no program, not {programs_of(root)}")


def test_a_server_in_the_background_starts_its_program_again(httpd, program):
    """As apachectl starts it."""
    server = httpd(f'WebSocketLog "|{program} ${{ROOT}}" "%U"\n{ECHO}')
    server.stop()
    root = server.config.root
    (root / "programs").unlink()
    subprocess.run([HTTPD, "-f", server.config.file, "-k", "start"], check=True, env=httpd_environment())
    try:
        wait_until(lambda: len(programs_of(root)) == 1 and accepts(server.port), server.error_log)
        os.kill(programs_of(root)[0], signal.SIGKILL)
        wait_until(lambda: len(programs_of(root)) == 2, server.error_log)
        run_session(server, "/echo")
        lines_of(server, 1)
    finally:
        subprocess.run([HTTPD, "-f", server.config.file, "-k", "stop"], check=True, env=httpd_environment())
        wait_until(lambda: not (root / "httpd.pid").exists(), server.error_log)


def test_what_a_program_does_not_take_is_lost_and_counted(httpd, open_directory):
    gate = open_directory / "gate"
    os.mkfifo(gate)
    gate.chmod(0o666)
    # It reads nothing before somebody opens the gate. The lines are as long as a pipe takes whole.
    server = httpd(f'WebSocketLog "|$cat {gate} >/dev/null; cat >>${{ROOT}}/sessions.log" "%U %{{X}}i"\n{ECHO}')
    long = {"X": "x" * 4000}
    sessions = 0
    while "takes no lines" not in server.error_log():
        run_session(server, "/echo", headers=long)
        sessions += 1
        assert sessions < 2000
    for _ in range(3):
        run_session(server, "/echo", headers=long)
    gate.open("w").close()
    told = int(server.wait_for_log(r"WebSocketLog .*: (\d+) lines were lost")[1])
    assert told >= 1
    lines_of(server, sessions + 3 - told)


def test_a_virtual_host_has_a_log_of_its_own_or_none(httpd):
    server = httpd(f"""
WebSocketLog main.log "%v"
<VirtualHost *>
    ServerName one.example
    WebSocketLog one.log "%v"
    {ECHO}
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    WebSocketLog off
    {ECHO}
</VirtualHost>
<VirtualHost *>
    ServerName three.example
    {ECHO}
</VirtualHost>
""")
    for host in ("one.example", "two.example", "three.example"):
        run_session(server, "/echo", headers={"Host": host})
    assert lines_of(server, 1, "one.log") == ["one.example"]
    assert lines_of(server, 1, "main.log") == ["three.example"]


@pytest.mark.parametrize("directive, complaint", [
    ('WebSocketLog sessions.log "%Z"', "no such item in a format: %Z"),
    ('WebSocketLog sessions.log "%{nonsense}W"', "no such item in a format: %{nonsense}W"),
    ('WebSocketLog sessions.log "%{open"', "a { without its }"),
    ('WebSocketLog sessions.log "%"', "no such item in a format: %"),
    ('WebSocketLog off "%U"', "off takes no format"),
    ("WebSocketLog sessions.log combined", "takes a format of items like %a"),
    ('WebSocketLog "|"', "takes a file's name, or | and a program"),
    ("WebSocketLog no/such/folder/sessions.log", "cannot open no/such/folder/sessions.log"),
    ("<Location />\nWebSocketLog sessions.log\n</Location>", "not allowed in <Location> context"),
])
def test_a_wrong_log_stops_the_start(check_start, directive, complaint):
    assert complaint in check_start(directive)


@pytest.fixture
def check_start(httpd):
    """What httpd says when it does not start."""
    def check(config):
        with pytest.raises(AssertionError) as failure:
            httpd(config)
        return str(failure.value)
    return check
