"""Every file in conf/ is tested; those for the whole server, the handler, one relay and the demo here, the others in recipe_*_test.py."""

import subprocess
import urllib.request
from pathlib import Path

from support import recipes
from support.certificate import certificate
from support.httpd import HTTPD, httpd_environment
from support.httpd_config import HTTPD_MODULES, load_module, ws_modules
from support.ports import free_ports
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


def test_ws_load_loads_the_module(check_config, tmp_path):
    text = (recipes.CONF / "ws.load").read_text().replace("@MODULES@", str(ws_modules()))
    proxy = load_module("proxy_module", HTTPD_MODULES / "mod_proxy.so")
    status, message = check_config(f"{proxy}\n{text}", ws=False)
    assert status == 0, message


def test_demo_serves_page_handler_and_relay(open_directory):
    port, tls_port = free_ports(2)
    htdocs = open_directory / "htdocs"
    subprocess.run(["cp", "-r", recipes.CONF / "demo" / "htdocs", htdocs], check=True)
    for suffix, file in (("crt", certificate().cert), ("key", certificate().key)):
        subprocess.run(["cp", file, open_directory / f"server.{suffix}"], check=True)
    names = {"WS_ROOT": open_directory, "WS_HTDOCS": htdocs, "WS_MODULES": ws_modules(),
             "HTTPD_MODULES": HTTPD_MODULES, "WS_PORT": port, "WS_TLS_PORT": tls_port}
    defines = [word for name, value in names.items() for word in ("-C", f"Define {name} {value}")]
    command = [HTTPD, "-d", open_directory, "-f", recipes.CONF / "demo" / "httpd.conf", "-DFOREGROUND", *defines]
    log = open_directory / "error.log"
    process = subprocess.Popen(command, env=httpd_environment(), start_new_session=True)
    try:
        wait_until(lambda: log.exists() and "resuming normal operations" in log.read_text(), "the demo serves")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"demo.js" in page.read()
        for path in ("/echo", "/relay"):
            assert exchange(f"ws://127.0.0.1:{port}{path}", ["hello"]) == ["hello"]
            origin = f"https://localhost:{tls_port}"
            assert exchange(f"wss://localhost:{tls_port}{path}", ["hello"], origin=origin) == ["hello"]
    finally:
        process.terminate()
        process.wait(timeout=20)
