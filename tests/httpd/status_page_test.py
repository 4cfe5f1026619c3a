"""SetHandler websocket-status: the page, in a browser."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.frames import TEXT
from support.node import node_modules
from support.raw_client import RawClient
from support.status import MODULES, STATUS, USERS
from support.waiting import patience

DRIVER = Path(__file__).parents[1] / "support" / "node" / "status_page.js"


class Page:
    """The status page in a browser, which does and shows what it is told to."""

    def __init__(self, browser):
        self._browser = browser
        self.may_close = self._answer()["mayClose"]

    def tell(self, order):
        self._browser.stdin.write(f"{order}\n")
        self._browser.stdin.flush()

    def answer(self):
        answer = self._answer()
        assert answer.pop("errors") == []
        return answer

    def ask(self, order):
        self.tell(order)
        return self.answer()

    def _answer(self):
        line = self._browser.stdout.readline()
        assert line, self._browser.stderr.read()
        return json.loads(line)


@contextmanager
def status_page(server, *credentials):
    """A Page that shows the sessions of /echo."""
    environment = {**os.environ, "NODE_PATH": node_modules()}
    environment.pop("LD_PRELOAD", None)
    command = ["node", DRIVER, server.url("/ws-status", scheme="http"), "/echo", *credentials]
    with subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as browser:
        try:
            yield Page(browser)
            browser.stdin.close()
            assert browser.wait(patience(30)) == 0
        finally:
            browser.terminate()  # so that it takes its browser along


def echo(client, times):
    for _ in range(times):
        client.send_frame(TEXT, "hello")
        client.expect_frame(TEXT, "hello")


def test_shows_a_session_and_counts_its_messages(httpd):
    server = httpd(STATUS)
    with status_page(server) as page, RawClient("127.0.0.1", server.port) as client:
        client.open("/echo?room=1")
        shown = page.ask("show")
        assert shown["state"] == "live"
        session, = shown["sessions"]
        assert session["Client"].startswith("127.0.0.1:")
        assert (session["Location"], session["Backend"], session["User"]) == ("/echo", "handler:echo", "-")
        assert session["URI"].startswith("/echo")
        assert int(session["Process"]) in [int(process["Process"]) for process in shown["processes"]]
        echo(client, 3)
        counted = page.ask("count 3")
        session, = counted["sessions"]
        assert (session["Messages out"], session["Bytes in"], session["Bytes out"]) == ("3", "33 B", "21 B")  # frames of 5 bytes
        series, = [series for series in counted["series"] if series["Location"] == "/echo"]
        assert (series["Sessions"], series["Opened"], series["Refused"]) == ("1", "1", "0")


def test_lets_nobody_close_without_a_user(httpd):
    with status_page(httpd(STATUS)) as page:
        assert not page.may_close


def test_closes_a_session_after_a_second_click(httpd, status_users):
    server = httpd(STATUS + USERS, modules=MODULES, defines={"USERS": status_users.file})
    with status_page(server, status_users.name, status_users.password) as page, RawClient("127.0.0.1", server.port, timeout=patience(20)) as client:
        assert page.may_close
        client.open("/echo")
        session, = page.ask("show")["sessions"]
        page.tell("close")
        code, _ = client.expect_close()
        client.send_close(code)
        client.shutdown_write()
        assert page.answer() == {"asked": "Confirm", "notice": f"Session {session['Id']} is being closed."}
        server.wait_for_log(rf"user admin closes session {session['Id']}")
