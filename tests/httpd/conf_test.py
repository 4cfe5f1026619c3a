"""Every file in conf/ is tested; those for the whole server, one handler and one relay here, the others in recipe_*, examples_ and demo_test.py."""

import json
from pathlib import Path

from support import recipes
from support.httpd_config import HTTPD_MODULES, load_module, ws_modules
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend
from support.ws_client import exchange

def test_every_file_has_a_test():
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("*_test.py"))
    assert [name for name in recipes.names() if f'"{name}"' not in tests] == []


def test_ws_conf_starts(recipe):
    recipe("ws.conf")


def test_echo_conf_echoes(recipe):
    assert exchange(recipe("echo.conf").url("/echo"), ["hello"]) == ["hello"]


def test_relay_conf_relays_pages_of_this_site_only(recipe):
    site = recipe("relay.conf")
    with WebsocketsBackend(port=site.ports[0]) as backend, site.client() as client:
        assert client.handshake("/chat", {"Origin": "http://elsewhere.example"}).status == 403
        for path in ("/chat", "/chat/room"):
            assert exchange(site.url(path), ["hello"], origin=f"http://{client.host}") == ["hello"]
        assert [session.path for session in backend.sessions] == ["/", "/room"]


def test_status_conf_shows_sessions_and_logs_them(recipe, status_users):
    site = recipe("status.conf", {"logs/websocket.log": "websocket.log", "conf/ws-users": status_users.file},
                  '<Location "/echo">\n    WebSocketHandler echo\n</Location>')
    assert exchange(site.url("/echo"), ["hello"]) == ["hello"]
    with site.client() as client:
        assert client.get("/ws-status").status == 401
    with site.client() as client:
        report = json.loads(client.get("/ws-status?json", headers=status_users.headers).body)
    assert [series["begun"] for series in report["series"] if series["location"] == "/echo"] == [1]
    assert report["may_close"] is True
    with site.client() as client:
        assert b'mod_ws_sessions_total{server="localhost",location="/echo"' in client.get("/ws-metrics?metrics").body
    log = site.server.config.root / "websocket.log"
    wait_until(lambda: " handler:echo - " in log.read_text(), log.read_text)


def test_ws_load_loads_the_module(check_config, tmp_path):
    text = (recipes.CONF / "ws.load").read_text().replace("@MODULES@", str(ws_modules()))
    proxy = load_module("proxy_module", HTTPD_MODULES / "mod_proxy.so")
    status, message = check_config(f"{proxy}\n{text}", ws=False)
    assert status == 0, message
