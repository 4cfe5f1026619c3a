"""mod_status and balancer-manager beside a relay."""

import re
from urllib.parse import urlencode

import pytest

from support.frames import TEXT
from support.http_head import head_bytes
from support.recipes import answering, ask
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend


@pytest.fixture
def site(recipe):
    return recipe("relay-status.conf")


@pytest.fixture
def two_backends(site):
    with WebsocketsBackend(answering("one"), port=site.ports[0]), \
            WebsocketsBackend(answering("other"), port=site.ports[1]):
        yield


def page(site, path):
    with site.client() as client:
        response = client.get(path)
        assert response.status == 200
        return response.body.decode()


def set_disabled(site, port, is_disabled):
    """Takes a backend out of service on the balancer manager's page, or puts it back."""
    nonce = re.search(r"nonce=([0-9a-f-]+)", page(site, "/balancer-manager"))[1]
    form = urlencode({"b": "chat", "w": f"ws://127.0.0.1:{port}", "nonce": nonce,
                      "w_status_D": int(is_disabled)}).encode()
    with site.client() as client:
        client.send(head_bytes("POST /balancer-manager HTTP/1.1", {
            "Host": client.host, "Referer": f"http://{client.host}/balancer-manager",
            "Content-Type": "application/x-www-form-urlencoded", "Content-Length": len(form)}) + form)
        assert client.read_response().status == 200


def test_the_status_page_shows_sessions_holding_no_worker(site, two_backends):
    with site.client() as client, site.client() as another:
        for session in (client, another):
            session.open("/chat")
            session.send_frame(TEXT, "who?")
            session.read_frame()
        # The one that is busy serves the page.
        wait_until(lambda: "\nBusyWorkers: 1\n" in page(site, "/server-status?auto"),
                   "no worker is held")


def test_the_manager_lists_the_backends(site, two_backends):
    assert {ask(site.url("/chat")) for _ in range(2)} == {"one", "other"}
    text = page(site, "/balancer-manager")
    for port in site.ports:
        assert f"ws://127.0.0.1:{port}" in text


def test_a_backend_taken_out_of_service_keeps_its_sessions(site, two_backends):
    with site.client() as client:
        client.open("/chat")
        client.send_frame(TEXT, "who?")
        name = client.read_frame().payload.decode()
        left = "other" if name == "one" else "one"
        port = site.ports[0 if name == "one" else 1]
        set_disabled(site, port, True)
        assert [ask(site.url("/chat")) for _ in range(3)] == 3 * [left]
        client.send_frame(TEXT, "who?")
        client.expect_frame(TEXT, name)
        set_disabled(site, port, False)
        assert {ask(site.url("/chat")) for _ in range(2)} == {"one", "other"}
