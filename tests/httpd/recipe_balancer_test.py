"""The recipes in conf/ that choose one of several backends."""

import time
from contextlib import contextmanager

import pytest

from support.recipes import answering, ask
from support.scripted_backend import ScriptedBackend
from support.silent_listener import SilentListener
from support.waiting import patience, wait_until
from support.websockets_backend import WebsocketsBackend

QUICK_SECONDS = 5  # far below what a connection attempt lasts without connectiontimeout


def one(site):
    return WebsocketsBackend(answering("one"), port=site.ports[0])


def other(site):
    return WebsocketsBackend(answering("other"), port=site.ports[1])


@contextmanager
def both(site):
    with one(site) as first, other(site) as second:
        yield first, second


def asked(site, path, times):
    return [ask(site.url(path)) for _ in range(times)]


# By turns, failover


def test_byrequests_takes_turns(recipe):
    site = recipe("relay-balancer.conf")
    with both(site):
        answers = asked(site, "/chat/room?a=b", 6)
    assert sorted(answers[:2]) == ["one", "other"]
    assert answers == 3 * answers[:2]


def test_a_backend_that_refuses_connections_is_passed_over(recipe):
    site = recipe("relay-balancer.conf")
    with other(site):
        assert asked(site, "/chat", 4) == 4 * ["other"]
    # Once: until retry= is over nobody asks it again.
    assert site.server.error_log().count("attempt to connect to") == 1


def test_connectiontimeout_passes_a_silent_backend_over(recipe):
    site = recipe("relay-balancer.conf", {"connectiontimeout=2": "connectiontimeout=200ms"})
    with SilentListener(site.ports[0]), other(site):
        began = time.monotonic()
        assert asked(site, "/chat", 2) == 2 * ["other"]
        assert time.monotonic() - began < patience(QUICK_SECONDS)
    site.server.wait_for_log(rf"ws:error.*backend ws://127.0.0.1:{site.ports[0]}: no connection")


def test_a_backend_is_used_again_after_retry(recipe):
    site = recipe("relay-balancer.conf", {"retry=10": "retry=1"})
    with other(site):
        assert asked(site, "/chat", 2) == 2 * ["other"]
        with one(site):
            wait_until(lambda: ask(site.url("/chat")) == "one", "the backend is used again")


def test_no_backend_at_all_gives_503(recipe):
    site = recipe("relay-balancer.conf")
    with site.client() as client:
        assert client.handshake("/chat").status == 503


def test_a_backend_that_answers_badly_is_not_passed_over(recipe):
    """Another member would not be asked by mod_proxy either: the request may have had an effect."""
    site = recipe("relay-balancer.conf")
    with ScriptedBackend(lambda connection: connection.send(b"garbage\r\n"),
                         port=site.ports[0]) as bad, other(site) as good:
        with site.client() as client:
            assert client.handshake("/chat").status == 502
        assert bad.accepted() == 1
        assert not good.sessions


@pytest.mark.parametrize("parameter, answer, status", [
    ("failontimeout=On", b"", 504),
    ("failonstatus=500", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500)])
def test_a_balancer_can_take_a_bad_answer_for_a_failure(recipe, parameter, answer, status):
    site = recipe("relay-balancer.conf", {"lbmethod=byrequests": parameter,
                                          "connectiontimeout=2": "timeout=1"})

    def script(connection):
        connection.read_head()
        connection.send(answer)
        connection.read_eof()
    with ScriptedBackend(script, port=site.ports[0]) as bad, other(site):
        with site.client() as client:
            assert client.handshake("/chat").status == status
        assert asked(site, "/chat", 4) == 4 * ["other"]
        assert bad.accepted() == 1


# Other methods


@pytest.mark.parametrize("path", ["/lasting", "/heavy"])
def test_other_methods_use_both_backends(recipe, path):
    site = recipe("relay-balancer-methods.conf")
    with both(site):
        assert set(asked(site, path, 6)) == {"one", "other"}


def test_loadfactor_gives_a_backend_its_share(recipe):
    site = recipe("relay-balancer-methods.conf")
    with both(site):
        answers = asked(site, "/heavy", 12)
    assert answers.count("one") > answers.count("other") > 0


# Sticky sessions


def cookie_of(response):
    cookie, = response.head.values("Set-Cookie")
    return cookie.partition(";")[0]


@pytest.mark.parametrize("changes", [{}, {"ws://127": "http://127", "route=": "upgrade=websocket route="}],
                         ids=["ws", "http"])
def test_the_first_101_says_the_route_and_its_cookie_leads_back(recipe, changes):
    site = recipe("relay-balancer-sticky.conf", changes)
    with both(site) as (first, second):
        cookie = cookie_of(site.open("/chat"))
        assert cookie in ("ROUTE=.a", "ROUTE=.b")
        home = "one" if cookie.endswith("a") else "other"
        for _ in range(4):
            assert ask(site.url("/chat"), extra_headers={"Cookie": cookie}) == home
        assert site.open("/chat", {"Cookie": cookie}).head.values("Set-Cookie") == []
        assert not (second if home == "one" else first).sessions


@pytest.mark.parametrize("route, answer", [("a", "one"), ("b", "other")])
def test_the_backends_session_id_leads_to_it(recipe, route, answer):
    site = recipe("relay-balancer-sticky.conf")
    with both(site) as backends:
        cookie = {"Cookie": f"x=1; JSESSIONID=5F3A.{route}"}
        path = f"/game/socket;jsessionid=5F3A.{route}?a=b"
        for _ in range(3):
            assert ask(site.url("/game/socket"), extra_headers=cookie) == answer
            assert ask(site.url(path)) == answer
        session, = {session.path for backend in backends for session in backend.sessions
                    if "?" in session.path}
        assert session == path.removeprefix("/game")


def test_the_cookie_of_a_lost_backend_leads_to_another_and_is_replaced(recipe):
    site = recipe("relay-balancer-sticky.conf")
    with other(site):
        assert cookie_of(site.open("/chat", {"Cookie": "ROUTE=.a"})) == "ROUTE=.b"


# Spares


def test_a_spare_serves_only_while_the_others_are_lost(recipe):
    site = recipe("relay-balancer-spare.conf", {"retry=10": "retry=1"})
    with other(site):
        with one(site):
            assert asked(site, "/chat", 4) == 4 * ["one"]
        assert asked(site, "/chat", 2) == 2 * ["other"]
        with one(site):
            wait_until(lambda: ask(site.url("/chat")) == "one", "the backend is used again")
            assert asked(site, "/chat", 4) == 4 * ["one"]
