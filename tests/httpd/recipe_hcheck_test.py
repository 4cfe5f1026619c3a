"""Backends that mod_proxy_hcheck watches: one that is not well gets no sessions, until it is again."""

import http
from contextlib import contextmanager

import pytest

from support.recipes import answering, ask
from support.waiting import wait_until
from support.websockets_backend import WebsocketsBackend

OFTEN = {"hcinterval=5": "hcinterval=100ms"}


@pytest.fixture
def site(recipe):
    return recipe("relay-hcheck.conf", OFTEN, log_level="warn ws:debug proxy_hcheck:info")


class HealthPage:
    """What a backend says at /health, beside its sessions."""

    def __init__(self):
        self.is_well = True
        self.asked = 0

    async def answer(self, path, _headers):
        if path != "/health":
            return None
        self.asked += 1
        status = http.HTTPStatus.OK if self.is_well else http.HTTPStatus.SERVICE_UNAVAILABLE
        return status, [], b"well\n" if self.is_well else b"not well\n"


@contextmanager
def backends(site):
    """The health pages of two backends, "one" and "other"."""
    one, other = HealthPage(), HealthPage()
    with WebsocketsBackend(answering("one"), port=site.ports[0], process_request=one.answer), \
            WebsocketsBackend(answering("other"), port=site.ports[1], process_request=other.answer):
        yield one, other


def both_serve(site, path):
    return {ask(site.url(path)) for _ in range(2)} == {"one", "other"}


def wait_until_asked_only(site, path, name):
    wait_until(lambda: [ask(site.url(path)) for _ in range(4)] == 4 * [name],
               f"only {name} is chosen")


def test_a_backend_that_says_it_is_not_well_is_not_chosen_until_it_is(site):
    with backends(site) as (one, other):
        wait_until(lambda: both_serve(site, "/chat"), "both are chosen")
        one.is_well = False
        wait_until_asked_only(site, "/chat", "other")
        one.is_well = True
        wait_until(lambda: both_serve(site, "/chat"), "both are chosen again")
        other.is_well = False
        wait_until_asked_only(site, "/chat", "one")
        assert one.asked and other.asked


def test_a_backend_that_accepts_no_connection_is_not_chosen_until_it_does(site):
    with WebsocketsBackend(answering("other"), port=site.ports[1]):
        wait_until_asked_only(site, "/plain", "other")
        with WebsocketsBackend(answering("one"), port=site.ports[0]):
            wait_until(lambda: both_serve(site, "/plain"), "both are chosen")
        wait_until_asked_only(site, "/plain", "other")


def test_sessions_outlive_a_failed_check(site):
    with backends(site) as (one, other):
        other.is_well = False
        wait_until_asked_only(site, "/chat", "one")
        with site.client() as client:
            client.open("/chat")
            other.is_well = True
            wait_until(lambda: both_serve(site, "/chat"), "both are chosen")
            one.is_well = False
            wait_until_asked_only(site, "/chat", "other")
            client.send_frame(1, "who?")
            client.expect_frame(1, "one")


def test_no_session_is_tried_where_all_are_not_well(site):
    with backends(site) as (one, other):
        one.is_well = other.is_well = False
        wait_until(lambda: not site.is_served("/chat"), "no session")
        with site.client() as client:
            assert client.handshake("/chat").status == 503
        one.is_well = True
        wait_until(lambda: site.is_served("/chat"), "a session")
