"""The demo that `./build.sh run` starts: its page in a browser, and its locations over TLS."""

import json
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import recipes
from support.certificate import certificate
from support.httpd import HTTPD, httpd_environment
from support.httpd_config import HTTPD_MODULES, ws_modules
from support.node import node_modules
from support.ports import free_ports
from support.waiting import patience, wait_until
from support.ws_client import exchange

DRIVER = Path(__file__).parents[1] / "support" / "node" / "demo_page.js"
SEVERAL_CHILDREN = ["StartServers 3", "ThreadsPerChild 5", "MaxRequestWorkers 15", "MinSpareThreads 15",
                    "MaxSpareThreads 15", "KeepAlive Off"]
WHO_SERVES = 'CustomLog "${WS_ROOT}/children.log" "%P %r"'


class Demo:
    def __init__(self, root, port, tls_port):
        self.log, self.children = root / "error.log", root / "children.log"
        self.port, self.tls_port = port, tls_port

    def child_of(self, name):
        """The process that serves the chat of that name."""
        pattern = re.compile(rf"^(\d+) GET /chat\?name={name} ", re.MULTILINE)
        return wait_until(lambda: pattern.search(self.children.read_text()), f"{name} is in the log")[1]


@contextmanager
def running_demo(root):
    port, tls_port = free_ports(2)
    htdocs = root / "htdocs"
    subprocess.run(["cp", "-r", recipes.CONF / "demo" / "htdocs", htdocs], check=True)
    for suffix, file in (("crt", certificate().cert), ("key", certificate().key)):
        subprocess.run(["cp", file, root / f"server.{suffix}"], check=True)
    names = {"WS_ROOT": root, "WS_HTDOCS": htdocs, "WS_MODULES": ws_modules(),
             "HTTPD_MODULES": HTTPD_MODULES, "WS_PORT": port, "WS_TLS_PORT": tls_port}
    defines = [word for name, value in names.items() for word in ("-C", f"Define {name} {value}")]
    more = [word for line in (*SEVERAL_CHILDREN, WHO_SERVES) for word in ("-c", line)]
    command = [HTTPD, "-d", root, "-f", recipes.CONF / "demo" / "httpd.conf", "-DFOREGROUND", *defines, *more]
    demo = Demo(root, port, tls_port)
    process = subprocess.Popen(command, env=httpd_environment(), start_new_session=True)
    try:
        wait_until(lambda: demo.log.exists() and "resuming normal operations" in demo.log.read_text(), "the demo serves")
        yield demo
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def demo(open_directory):
    with running_demo(open_directory) as demo:
        yield demo


def test_serves_handler_and_relay_over_both_ports(demo):
    for path in ("/echo", "/relay"):
        assert exchange(f"ws://127.0.0.1:{demo.port}{path}", ["hello"]) == ["hello"]
        origin = f"https://localhost:{demo.tls_port}"
        assert exchange(f"wss://localhost:{demo.tls_port}{path}", ["hello"], origin=origin) == ["hello"]


def test_page_shows_all_examples_and_two_tabs_chat_through_two_children(demo):
    environment = {**os.environ, "NODE_PATH": node_modules()}
    environment.pop("LD_PRELOAD", None)
    with subprocess.Popen(["node", DRIVER, f"http://127.0.0.1:{demo.port}/"], env=environment, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as browser:
        result, in_two = {}, False
        for line in browser.stdout:
            result = json.loads(line)
            if names := result.get("inTwoChildren"):
                in_two = demo.child_of(names[0]) != demo.child_of(names[1])
                browser.stdin.write("yes\n" if in_two else "no\n")
                browser.stdin.flush()
        complaints = browser.stderr.read()
        browser.wait(patience(30))
    assert result == {"done": True, "errors": []}, complaints
    assert in_two, "both tabs came to one child each time"
