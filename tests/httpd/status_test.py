"""SetHandler websocket-status: ?json, ?metrics and ?close=; the section of mod_status; frames in the log."""

import json
import os
import re
import signal
from contextlib import ExitStack

import pytest

from support.frames import BINARY, PING, PONG, TEXT
from support.handler_modules import SEVERAL_CHILDREN, load_handlers
from support.http_head import head_bytes
from support.keepers import wait_for_keepers
from support.raw_client import RawClient
from support.relay import Relay
from support.status import MODULES, STATUS, USERS
from support.waiting import wait_until


def request(server, target, method="GET", headers=None):
    with RawClient("127.0.0.1", server.port) as client:
        client.send(head_bytes(f"{method} {target} HTTP/1.1", {"Host": client.host, **(headers or {})}))
        return client.read_response()


def report(server, target="/ws-status?json", headers=None):
    response = request(server, target, headers=headers)
    assert response.status == 200 and response.headers["Content-Type"] == "application/json"
    return json.loads(response.body)


def series(server, location="/echo"):
    found = [each for each in report(server)["series"] if each["location"] == location]
    return found[0] if len(found) == 1 else None


def metrics(server):
    """{"name{labels}": value}"""
    response = request(server, "/ws-status?metrics")
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = (line.rpartition(" ") for line in response.body.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def wait_for_series(server, expected, location="/echo"):
    """`expected`: {key or "key.key": value}"""
    def values():
        found = series(server, location) or {}
        return {path: follow(found, path.split(".")) for path in expected}

    wait_until(lambda: values() == expected, lambda: f"{expected}, not {values()}\n{server.error_log()}")


def follow(found, path):
    for key in path:
        found = found.get(key, 0) if isinstance(found, dict) else 0
    return found


def echo(client, text="hello"):
    client.send_frame(TEXT, text)
    client.expect_frame(TEXT, text)


def test_what_passes_is_counted_by_location(httpd):
    server = httpd(STATUS)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        echo(client)
        client.send_frame(BINARY, b"123")
        client.expect_frame(BINARY, b"123")
        client.send_frame(PING, b"?")
        client.expect_frame(PONG, b"?")
        wait_for_series(server, {
            "backend": "handler:echo", "server": "localhost", "sessions": 1, "begun": 1, "upgrades.101": 1,
            "client.received_messages": 2, "client.sent_messages": 2, "client.received_bytes": 3 * 6 + 9,
            "client.sent_bytes": 3 * 2 + 9, "client.received_pings": 1})
        client.send_close(4000)
        client.expect_close()
    wait_for_series(server, {"sessions": 0, "ended": 1, "closes.client.4xxx": 1})
    told = metrics(server)
    labels = 'server="localhost",location="/echo",backend="handler:echo"'
    assert told[f"mod_ws_sessions{{{labels}}}"] == 0
    assert told[f"mod_ws_sessions_total{{{labels}}}"] == 1
    assert told[f'mod_ws_closes_total{{{labels},code="4xxx",side="client"}}'] == 1
    assert told[f'mod_ws_messages_total{{{labels},peer="client",direction="received"}}'] == 2
    assert told[f"mod_ws_session_duration_seconds_count{{{labels}}}"] == 1
    assert told[f"mod_ws_upgrade_duration_seconds_count{{{labels}}}"] == 1


def test_a_relays_sessions_are_counted_by_backend_and_side(httpd):
    relay = Relay(httpd, STATUS)
    with relay.websockets_backend(), relay.client() as client:
        client.open(relay.path())
        echo(client)
        wait_for_series(relay.server, {
            "backend": relay.worker(), "sessions": 1, "client.received_messages": 1, "backend_side.sent_messages": 1,
            "client.received_bytes": 11, "backend_side.sent_bytes": 11, "backend_side.received_messages": 1,
            "client.sent_bytes": 7}, "/plain")
        client.send_close(1000)
        client.expect_close()
    wait_for_series(relay.server, {"sessions": 0, "closes.client.1000": 1}, "/plain")


def test_a_mapping_by_a_pattern_is_a_location_of_its_own(httpd):
    server = httpd(f'{STATUS}ProxyPassMatch "^/rooms/(.*)$" "ws://127.0.0.1:${{PORT}}/echo"\n')
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/rooms/17")
        wait_for_series(server, {"sessions": 1}, "^/rooms/(.*)$")


def test_refusals_are_counted_by_their_status(httpd):
    server = httpd(STATUS + """
<Location "/denied">
    WebSocketHandler echo
    Require all denied
</Location>
ProxyPass "/nobody" "ws://127.0.0.1:1" retry=0
""")
    for path, headers in (("/echo", {"Origin": "http://elsewhere"}), ("/echo", {"Sec-WebSocket-Version": "12"}),
                          ("/denied", {}), ("/nobody", {}), ("/nobody", {})):
        with RawClient("127.0.0.1", server.port) as client:
            client.handshake(path, headers=headers)
    wait_for_series(server, {"upgrades.403": 1, "upgrades.426": 1, "begun": 0})
    wait_for_series(server, {"upgrades.403": 1}, "/denied")
    wait_for_series(server, {"upgrades.503": 2}, "/nobody")
    request(server, "/echo")  # no upgrade
    assert sum(series(server)["upgrades"].values()) == 2


@pytest.mark.parametrize("sent", [signal.SIGUSR1, signal.SIGHUP], ids=["graceful", "at once"])
def test_counters_survive_restarts(httpd, sent):
    server = httpd(STATUS)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        echo(client)
        ready = server.error_log().count("resuming normal operations")
        server.process.send_signal(sent)
        wait_until(lambda: server.error_log().count("resuming normal operations") > ready, server.error_log)
        wait_for_series(server, {"begun": 1, "client.received_messages": 1, "upgrades.101": 1})
        if sent == signal.SIGUSR1:
            echo(client)
            wait_for_series(server, {"sessions": 1, "client.received_messages": 2})
            keeper, = [each for each in report(server)["processes"] if each["role"] == "keeper"]
            assert keeper["sessions"] == 1 and keeper["memory_bytes"] > 0
        else:
            assert client.expect_close()[0] == 1001
            wait_for_series(server, {"sessions": 0, "closes.server.1001": 1})


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_childs_sessions_are_counted_as_lost(httpd, sent):
    server = httpd(STATUS, may_crash=True)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        echo(client)
        wait_for_series(server, {"sessions": 1})
        child, = server.children()
        os.kill(child, sent)
        wait_until(lambda: child not in server.children() and server.children(), server.error_log)
        wait_for_series(server, {"sessions": 0, "begun": 1, "ended": 1, "client.received_messages": 1,
                                 "closes.server.1006": 1})
        assert child not in [each["pid"] for each in report(server)["processes"]]


def test_compression_shows_its_ratio(httpd):
    server = httpd(STATUS)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo", headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
        client.send_frame(TEXT, "a" * 1000)
        client.read_frame()
        wait_for_series(server, {"deflated.plain_bytes": 1000})
        ratio = metrics(server)['mod_ws_compression_ratio{server="localhost",location="/echo",'
                                'backend="handler:echo",direction="sent"}']
        assert 0 < ratio < 0.1


def test_sessions_of_all_children_are_listed(httpd):
    server = httpd(SEVERAL_CHILDREN + STATUS, threads=5)
    with ExitStack() as stack:
        for number in range(12):
            client = stack.enter_context(RawClient("127.0.0.1", server.port))
            client.open(f"/echo?{number}", headers={"Sec-WebSocket-Protocol": "chat"})

        def told():
            return report(server, "/ws-status?json")

        wait_until(lambda: len(told()["sessions"]) == 12, lambda: told()["sessions"])
        listed = told()
        assert len({session["id"] for session in listed["sessions"]}) == 12
        assert len({session["pid"] for session in listed["sessions"]}) > 1
        assert {session["pid"] for session in listed["sessions"]} <= {each["pid"] for each in listed["processes"]}
        assert sorted(session["client"].split(":")[0] for session in listed["sessions"]) == ["127.0.0.1"] * 12
        few = report(server, "/ws-status?json&sessions=3")
        assert (len(few["sessions"]), few["sessions_total"]) == (3, 12)


def test_the_youngest_sessions_of_all_children_are_listed(httpd):
    server = httpd(SEVERAL_CHILDREN + STATUS, threads=5)
    with ExitStack() as stack:
        for number in range(12):
            client = stack.enter_context(RawClient("127.0.0.1", server.port))
            client.open("/echo")
            echo(client)
        wait_until(lambda: len(report(server)["sessions"]) == 12, server.error_log)
        everyone = [int(session["id"]) for session in report(server)["sessions"]]
        some = [int(session["id"]) for session in report(server, "/ws-status?json&sessions=5")["sessions"]]
        assert everyone == sorted(everyone, reverse=True)
        assert some == everyone[:5]


def test_backends_that_the_request_names_share_a_series(httpd):
    server = httpd(STATUS + """
RewriteEngine on
RewriteRule "^/at/([0-9]+)$" "ws://127.0.0.1:$1/" [P]
""", modules=("rewrite",))
    for port in (1, 2, 3):
        with RawClient("127.0.0.1", server.port) as client:
            assert client.handshake(f"/at/{port}").status == 503

    def upgrades():
        return [each["upgrades"] for each in report(server)["series"] if each["backend"] == "(dynamic)"]
    wait_until(lambda: upgrades() == [{"503": 3}], upgrades)


def test_the_page_lets_nobody_frame_it(httpd):
    headers = request(httpd(STATUS), "/ws-status").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"


def test_a_killed_keepers_sessions_are_counted_as_lost(httpd):
    server = httpd(STATUS)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        server.graceful()
        keeper, = wait_for_keepers(server)
        wait_for_series(server, {"sessions": 1})
        os.kill(keeper, signal.SIGKILL)
        wait_for_series(server, {"sessions": 0, "closes.server.1006": 1})
        server.wait_for_log(f"keeper {keeper} was killed or crashed, and 1 WebSocket sessions with it")


def test_relayed_and_published_frames_are_shown_too(httpd):
    relay = Relay(httpd, STATUS + f"""{load_handlers("chat")}
<Location "/chat">
    WebSocketHandler chat
</Location>
""", log_level="warn ws:trace4")
    server = relay.server
    with relay.websockets_backend(), relay.client() as client:
        client.open(relay.path())
        echo(client)
        server.wait_for_log(r"/plain: the client: received text fin, 5 bytes")
        server.wait_for_log(r"/plain: the backend \S+: received text fin, 5 bytes")
    with RawClient("127.0.0.1", server.port) as member:
        member.open("/chat?name=one")
        server.wait_for_log(r"/chat\S*: sent text fin, 14 bytes")  # "one has joined"


def test_a_user_may_close_a_session(httpd, status_users):
    server = httpd(STATUS + USERS, modules=MODULES, defines={"USERS": status_users.file})
    admin = status_users.headers
    with RawClient("127.0.0.1", server.port) as client, RawClient("127.0.0.1", server.port) as other:
        client.open("/echo")
        other.open("/echo?other")
        wait_until(lambda: len(report(server, headers=admin)["sessions"]) == 2, server.error_log)
        mine, = [each for each in report(server, headers=admin)["sessions"]
                 if each["client"].endswith(f":{client.local_port}")]
        close = f"/ws-status?close={mine['id']}"
        assert request(server, close, "POST").status == 401
        assert request(server, close, "POST", {**admin, "Origin": "http://elsewhere"}).status == 403
        assert request(server, "/ws-status?close=99999", "POST", admin).status == 404
        assert request(server, "/ws-status?close=x", "POST", admin).status == 400
        assert request(server, "/ws-status", "DELETE", admin).status == 405
        assert request(server, close, "POST", admin).status == 204
        assert client.expect_close() == (1001, "closed by the server's administrator")
        echo(other)
        server.wait_for_log(rf"user admin closes session {mine['id']}")


def test_nobody_closes_sessions_without_a_user(httpd):
    server = httpd(STATUS)
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        wait_until(lambda: report(server)["sessions"], server.error_log)
        told = report(server)
        assert told["may_close"] is False
        assert request(server, f"/ws-status?close={told['sessions'][0]['id']}", "POST").status == 403
        echo(client)


def test_mod_status_has_a_section(httpd):
    server = httpd(f'{STATUS}<Location "/server-status">\nSetHandler server-status\n</Location>\n',
                   modules=("status",))
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        wait_for_series(server, {"sessions": 1})
        short = request(server, "/server-status?auto").body.decode()
        assert "WebSocketSessions: 1\nWebSocketSessionsTotal: 1\n" in short
        page = request(server, "/server-status").body.decode()
        assert re.search(r"<td>localhost</td><td>/echo</td><td>handler:echo</td><td>1</td>", page)


def test_the_log_shows_frames_without_their_payload(httpd):
    server = httpd(STATUS, log_level="warn ws:trace4")
    with RawClient("127.0.0.1", server.port) as client:
        client.open("/echo")
        echo(client, "secret")
        server.wait_for_log(rf"client 127\.0\.0\.1:{client.local_port} /echo: received text fin, 6 bytes")
        server.wait_for_log(r"/echo: sent text fin, 6 bytes")
    assert "secret" not in server.error_log()
