"""Every file in conf/ does what it is there for."""

import subprocess
import urllib.request

import pytest

from support.certificate import certificate
from support.httpd import HTTPD, httpd_environment
from support.httpd_config import HTTPD_MODULES, REPOSITORY, load_module, ws_modules
from support.ports import free_ports
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend
from support.ws_client import exchange

CONF = REPOSITORY / "conf"
BALANCER = ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
# Each file: the modules it needs, and the path that a session can be opened on.
USES = {
    "ws.conf": ((), None),
    "echo.conf": ((), "/echo"),
    "relay.conf": ((), "/chat"),
    "relay-http.conf": (("proxy_http",), "/app/socket"),
    "relay-balancer.conf": (BALANCER, "/chat"),
    "relay-tcp.conf": ((), None),  # what it does is in tcp_backend_test.py
}


def test_every_file_is_tested():
    assert {file.name for file in CONF.glob("*.conf")} == set(USES)


@pytest.mark.parametrize("name", USES)
def test_serves_what_the_file_says(httpd, name):
    modules, path = USES[name]
    with WebsocketsBackend() as backend:
        # The files name a backend's usual port; the test's has another.
        text = (CONF / name).read_text().replace("127.0.0.1:9000", f"127.0.0.1:{backend.port}")
        server = httpd(text, modules=modules)
        if path is not None:
            assert exchange(server.url(path), ["hello"]) == ["hello"]


def test_ws_load_loads_the_module(check_config, tmp_path):
    text = (CONF / "ws.load").read_text().replace("@MODULES@", str(ws_modules()))
    proxy = load_module("proxy_module", HTTPD_MODULES / "mod_proxy.so")
    status, message = check_config(f"{proxy}\n{text}", ws=False)
    assert status == 0, message


def test_demo_serves_page_handler_and_relay(open_directory):
    port, tls_port = free_ports(2)
    htdocs = open_directory / "htdocs"
    subprocess.run(["cp", "-r", CONF / "demo" / "htdocs", htdocs], check=True)
    for suffix, file in (("crt", certificate().cert), ("key", certificate().key)):
        subprocess.run(["cp", file, open_directory / f"server.{suffix}"], check=True)
    names = {"WS_ROOT": open_directory, "WS_HTDOCS": htdocs, "WS_MODULES": ws_modules(),
             "HTTPD_MODULES": HTTPD_MODULES, "WS_PORT": port, "WS_TLS_PORT": tls_port}
    defines = [word for name, value in names.items() for word in ("-C", f"Define {name} {value}")]
    command = [HTTPD, "-d", open_directory, "-f", CONF / "demo" / "httpd.conf", "-DFOREGROUND", *defines]
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
