"""The recipes in conf/ for backends that are reached over TLS: who has to prove what to whom."""

import pytest

from support.authority import Authority, TlsServer
from support.frames import TEXT
from support.recipes import ask
from support.websockets_backend import WebsocketsBackend

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATE_OF_HTTPD = "/etc/ssl/private/relay.pem"


async def say_who_asks(ws):
    """Answers each message with the name in the peer's certificate."""
    peer = ws.transport.get_extra_info("peercert")
    name = dict(pair for part in peer["subject"] for pair in part)["commonName"] if peer else "nobody"
    async for _ in ws:
        await ws.send(name)


def backend_of(site, tls):
    return WebsocketsBackend(say_who_asks, ssl=tls.context, port=site.ports[0])


@pytest.fixture
def authority(open_directory):
    return Authority(open_directory)


@pytest.fixture
def site(recipe, authority):
    return recipe("relay-tls-backend.conf", {SYSTEM_AUTHORITIES: authority.cert},
                  log_level="warn ws:debug ssl:info")


# The backend proves who it is


def test_a_backend_with_a_good_certificate_gets_sessions(site, authority):
    tls = TlsServer(authority.issue("localhost"))
    with backend_of(site, tls):
        assert ask(site.url("/chat")) == "nobody"
    assert tls.names == ["localhost"]


def assert_no_session(site, certificate, reason):
    with backend_of(site, TlsServer(certificate)) as backend, site.client() as client:
        assert client.handshake("/chat").status == 503
        assert not backend.sessions
    log = site.server.error_log()
    assert reason in log
    assert log.count(f"backend wss://localhost:{site.ports[0]}: ") == 1


def test_no_session_with_an_unknown_authority(site, open_directory):
    (open_directory / "other").mkdir()
    other = Authority(open_directory / "other", "unknown")
    assert_no_session(site, other.issue("localhost"), "Certificate Verification: Error")


def test_no_session_with_a_certificate_for_another_name(site, authority):
    assert_no_session(site, authority.issue("elsewhere.example"), "does not match for hostname localhost")


def test_no_session_with_an_expired_certificate(site, authority):
    assert_no_session(site, authority.issue("localhost", days=-1), "certificate has expired")


def test_the_name_is_the_clients_host_with_proxy_preserve_host(recipe, authority):
    site = recipe("relay-tls-backend.conf", {SYSTEM_AUTHORITIES: authority.cert},
                  extra="ProxyPreserveHost on")
    tls = TlsServer(authority.issue("chat.example.com"))
    with backend_of(site, tls), site.client() as client:
        client.open("/chat", headers={"Host": "chat.example.com"})
        client.send_frame(TEXT, "who?")
        client.expect_frame(TEXT, "nobody")
    assert tls.names == ["chat.example.com"]


def test_a_balancer_passes_no_backend_over_for_its_certificate(recipe, authority):
    """As with pages: who fails there is taken out, but the request is not repeated elsewhere."""
    site = recipe("relay-balancer.conf", {"ws://127.0.0.1": "wss://localhost"}, tls=True, extra=f"""
        SSLProxyEngine on
        SSLProxyVerify require
        SSLProxyCACertificateFile "{authority.cert}" """)
    good, bad = (TlsServer(authority.issue(name)) for name in ("localhost", "elsewhere.example"))
    with backend_of(site, bad), WebsocketsBackend(say_who_asks, ssl=good.context, port=site.ports[1]):
        assert [ask(site.url("/chat")) for _ in range(4)] == 4 * ["nobody"]


# httpd proves who it is


def test_the_backend_gets_the_client_certificate(recipe, authority, open_directory):
    own = authority.issue("relay")
    pem = open_directory / "relay.pem"
    pem.write_text(own.cert.read_text() + own.key.read_text())
    site = recipe("relay-tls-client-certificate.conf",
                  {SYSTEM_AUTHORITIES: authority.cert, CERTIFICATE_OF_HTTPD: pem})
    with backend_of(site, TlsServer(authority.issue("localhost"), client_authority=authority)):
        assert ask(site.url("/chat")) == "relay"


def test_a_backend_that_misses_the_certificate_gives_502(site, authority):
    tls = TlsServer(authority.issue("localhost"), client_authority=authority)
    with backend_of(site, tls) as backend, site.client() as client:
        assert client.handshake("/chat").status == 502
        assert not backend.sessions
    site.server.wait_for_log(rf"ws:error.*backend wss://localhost:{site.ports[0]}: ")
